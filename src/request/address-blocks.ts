/** What a plain address is for. Only `public` is reachable by default. */
export type PlainAddressClass =
  | "public"
  | "unspecified"
  | "loopback"
  | "private"
  | "cgnat"
  | "link-local"
  | "metadata"
  | "multicast"
  | "documentation"
  | "reserved";

/**
 * Which blocks are not public, with the document that says so; the longest prefix that covers an address decides. From the
 * IANA special-purpose registries for IPv4 and IPv6 (RFC 6890), plus the credential endpoints of cloud platforms, some
 * of which look like ordinary addresses.
 */
export const SPECIAL_BLOCKS: readonly (readonly [cidr: string, is: Exclude<PlainAddressClass, "public">])[] = [
  // Credential endpoints: never reachable, whatever a policy lists
  ["169.254.169.0/24", "metadata"], // AWS, Azure, Google Cloud, OpenStack, Oracle, DigitalOcean, …; .252 is GKE's
  ["169.254.170.0/24", "metadata"], // ECS task credentials (.2), EKS pod identity (.23)
  ["169.254.42.42/32", "metadata"], // Scaleway
  ["169.254.0.23/32", "metadata"], // Tencent Cloud
  ["100.100.100.200/32", "metadata"], // Alibaba Cloud, inside CGNAT space
  ["168.63.129.16/32", "metadata"], // Azure host agent, inside public space
  ["192.0.0.192/32", "metadata"], // Oracle Cloud Classic
  ["fd00:ec2::/32", "metadata"], // AWS: ::254 metadata, ::23 EKS pod identity
  ["fd20:ce::254/128", "metadata"], // Google Cloud
  ["fd00:c1::a9fe:a9fe/128", "metadata"], // Oracle Cloud
  ["fd00:42::42/128", "metadata"], // Scaleway
  ["fd00:a9fe:a9fe::1/128", "metadata"], // Linode
  ["fe80::a9fe:a9fe/128", "metadata"], // OpenStack

  ["0.0.0.0/8", "unspecified"], // RFC 791 "this network"; 0.0.0.0 reaches the local machine
  ["10.0.0.0/8", "private"], // RFC 1918
  ["100.64.0.0/10", "cgnat"], // RFC 6598
  ["127.0.0.0/8", "loopback"], // RFC 1122
  ["169.254.0.0/16", "link-local"], // RFC 3927
  ["172.16.0.0/12", "private"], // RFC 1918
  ["192.0.0.0/24", "reserved"], // RFC 6890 IETF protocol assignments
  ["192.0.2.0/24", "documentation"], // RFC 5737
  ["192.31.196.0/24", "reserved"], // RFC 7535 AS112
  ["192.52.193.0/24", "reserved"], // RFC 7450 AMT
  ["192.88.99.0/24", "reserved"], // RFC 7526, former 6to4 relays
  ["192.168.0.0/16", "private"], // RFC 1918
  ["192.175.48.0/24", "reserved"], // RFC 7534 AS112
  ["198.18.0.0/15", "reserved"], // RFC 2544 benchmarking
  ["198.51.100.0/24", "documentation"], // RFC 5737
  ["203.0.113.0/24", "documentation"], // RFC 5737
  ["224.0.0.0/4", "multicast"], // RFC 5771
  ["240.0.0.0/4", "reserved"], // RFC 1112, and 255.255.255.255

  ["::/128", "unspecified"], // RFC 4291
  ["::1/128", "loopback"], // RFC 4291
  ["fc00::/7", "private"], // RFC 4193 unique local
  ["fe80::/10", "link-local"], // RFC 4291
  ["fec0::/10", "private"], // RFC 3879 deprecated site-local
  ["ff00::/8", "multicast"], // RFC 4291
  ["2001::/23", "reserved"], // RFC 2928 IETF protocol assignments: benchmarking, AMT, ORCHID, …
  ["2001:db8::/32", "documentation"], // RFC 3849
  ["2620:4f:8000::/48", "reserved"], // RFC 7534 AS112
  ["3fff::/20", "documentation"], // RFC 9637
];
