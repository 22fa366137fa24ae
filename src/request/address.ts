import ipaddr from "ipaddr.js";
import { type PlainAddressClass, SPECIAL_BLOCKS } from "./address-blocks.js";

/**
 * What an address is for. `embedded:…` is an IPv6 form that carries an IPv4 address to somewhere else (mapped, compatible,
 * translated, NAT64, 6to4, Teredo, ISATAP), named by what it carries. It is never `public`, not even around a public
 * IPv4 address. `invalid` is text that is no address.
 */
export type AddressClass = PlainAddressClass | `embedded:${PlainAddressClass}` | "invalid";

/** What a compiled address rule says of one address. */
export type AddressVerdict = { readonly ok: true } | { readonly ok: false; readonly class: AddressClass };

/** Says whether a service may be reached at `ip`. Pure, and total: text that is no address is refused. */
export type AddressRule = (ip: string) => AddressVerdict;

type Bytes = readonly number[];

interface Range {
  readonly network: Bytes;
  readonly prefix: number;
}

interface Block extends Range {
  readonly is: PlainAddressClass;
}

/** Classes no list opens: metadata by decision; the other two are not places to connect to (0.0.0.0 is this machine). */
const NEVER_OPENED: ReadonlySet<string> = new Set(["metadata", "unspecified", "multicast"]);

const FOUR_DECIMALS = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;

/** The longest textual address: eight groups, the last two as dotted decimals. */
const LONGEST_ADDRESS = 45;

/**
 * Strict where ipaddr.js is generous: no octal, hexadecimal or short IPv4 (also not at the end of an IPv6 address, where
 * two readers may disagree) and no zone.
 */
function parseBytes(text: string): Bytes | null {
  if (text.length > LONGEST_ADDRESS) return null;
  if (!text.includes(":")) {
    return FOUR_DECIMALS.test(text) && ipaddr.IPv4.isValid(text) ? ipaddr.IPv4.parse(text).toByteArray() : null;
  }
  if (text.includes("%") || !ipaddr.IPv6.isValid(text)) return null;
  if (text.includes(".") && !FOUR_DECIMALS.test(text.slice(text.lastIndexOf(":") + 1))) return null;
  return ipaddr.IPv6.parse(text).toByteArray();
}

function covers({ network, prefix }: Range, address: Bytes): boolean {
  if (network.length !== address.length) return false;
  const wholeBytes = prefix >> 3;
  for (let i = 0; i < wholeBytes; i++) if (network[i] !== address[i]) return false;
  const restBits = prefix & 7;
  if (restBits === 0) return true;
  const mask = (0xff << (8 - restBits)) & 0xff;
  return ((network[wholeBytes] ?? 0) & mask) === ((address[wholeBytes] ?? 0) & mask);
}

/** The text of a range; only for the constants of this file and for ranges {@link addressRangeProblem} has passed. */
function parseRange(cidr: string): Range {
  const slash = cidr.lastIndexOf("/");
  const network = parseBytes(cidr.slice(0, slash));
  if (network === null) throw new TypeError(`"${cidr}" is not an address range`);
  return { network, prefix: Number(cidr.slice(slash + 1)) };
}

const BLOCKS: readonly Block[] = [
  ...SPECIAL_BLOCKS.map(([cidr, is]): Block => ({ ...parseRange(cidr), is })),
  { ...parseRange("0.0.0.0/0"), is: "public" } as const,
  { ...parseRange("2000::/3"), is: "public" } as const,
].sort((a, b) => b.prefix - a.prefix);

/** An embedding form is opened by a range of at least the shortest such prefix, 2002::/16; so not by `::/0`. */
const FORM: Block = { network: [], prefix: 16, is: "reserved" };

/** IPv6 outside 2000::/3 that no document names; opened from inside one of the eight /3 blocks, so not by `::/0`. */
const UNASSIGNED: Block = { network: [], prefix: 3, is: "reserved" };

const blockOf = (address: Bytes): Block => BLOCKS.find((block) => covers(block, address)) ?? UNASSIGNED;

const MAPPED = parseRange("::ffff:0:0/96"); // RFC 4291 §2.5.5.2
const TRANSLATED = parseRange("::ffff:0:0:0/96"); // RFC 2765
const COMPATIBLE = parseRange("::/96"); // RFC 4291 §2.5.5.1
const NAT64 = parseRange("64:ff9b::/96"); // RFC 6052
const LOCAL_NAT64 = parseRange("64:ff9b:1::/48"); // RFC 8215
const SIX_TO_FOUR = parseRange("2002::/16"); // RFC 3056
const TEREDO = parseRange("2001::/32"); // RFC 4380

/**
 * The IPv4 addresses an IPv6 address may lead to; empty when it embeds none. A NAT64 prefix of an operator's own
 * (RFC 6052 allows any) cannot be told from an ordinary address, and is not recognised.
 */
function embedded(address: Bytes): readonly Bytes[] {
  if (address.length !== 16) return [];
  const at = (...places: readonly number[]): Bytes => places.map((place) => address[place] ?? 0);
  const tail = at(12, 13, 14, 15);
  if (covers(COMPATIBLE, address)) {
    const plain = blockOf(address);
    return plain.prefix === 128 ? [] : [tail]; // :: and ::1 are themselves
  }
  if (covers(MAPPED, address) || covers(TRANSLATED, address) || covers(NAT64, address)) return [tail];
  if (covers(LOCAL_NAT64, address)) {
    // The four layouts of RFC 6052 §2.2 that fit; a layout that reads as 0.x.x.x is not the one in use.
    const layouts = [at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), tail];
    const used = layouts.filter(([first]) => first !== 0);
    return used.length > 0 ? used : [tail];
  }
  if (covers(SIX_TO_FOUR, address)) return [at(2, 3, 4, 5)];
  // Server, and client with its bits flipped: packets go to both.
  if (covers(TEREDO, address)) return [at(4, 5, 6, 7), tail.map((byte) => byte ^ 0xff)];
  // ISATAP (RFC 5214 §6.1): an interface identifier under any prefix
  const isIsatap = ((address[8] ?? 0) & 0xfd) === 0 && address[9] === 0 && address[10] === 0x5e && address[11] === 0xfe;
  return isIsatap ? [tail] : [];
}

/** Metadata before anything else, then the least public reading. */
function worst(classes: readonly PlainAddressClass[]): PlainAddressClass {
  if (classes.includes("metadata")) return "metadata";
  return classes.find((is) => is !== "public") ?? "public";
}

function classify(address: Bytes): AddressClass {
  const outer = blockOf(address).is;
  const inner = embedded(address);
  if (inner.length === 0 || outer === "metadata") return outer;
  return `embedded:${worst(inner.map((ipv4) => blockOf(ipv4).is))}`;
}

/**
 * What the address `literal` is for: dotted IPv4 or any IPv6 text without brackets and zone. Anything else is `invalid`.
 */
export function classifyAddress(literal: string): AddressClass {
  const address = parseBytes(literal);
  return address === null ? "invalid" : classify(address);
}

/**
 * The address in a host name that the URL parser has normalised (`127.0.0.1`, `[::1]`), without brackets; null for a
 * name. Every other spelling (`0x7f.1`, `2130706433`) has been normalised by the URL parser before.
 */
export function parseHostLiteral(hostname: string): string | null {
  const bare = hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
  return parseBytes(bare) === null ? null : bare;
}

/** Names that platforms answer with their credential endpoint: closed by name as well as by address. */
const METADATA_NAMES: ReadonlySet<string> = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
  "metadata.tencentyun.com",
  "instance-data",
  "instance-data.ec2.internal",
  "api.metadata.cloud.ibm.com",
]);

/** True for the well-known names of cloud credential endpoints. Expects a lower-case host name. */
export function isMetadataName(hostname: string): boolean {
  return METADATA_NAMES.has(hostname.endsWith(".") ? hostname.slice(0, -1) : hostname);
}

/**
 * What is wrong with one entry of `addresses`, as a sentence for the policy's load errors; undefined when nothing is.
 * An entry is a CIDR range in exact form: no bits set behind the prefix, and not wholly inside what no list opens.
 */
export function addressRangeProblem(cidr: string): string | undefined {
  const match = /^([^/]{1,45})\/(0|[1-9]\d{0,2})$/.exec(cidr);
  const network = parseBytes(match?.[1] ?? cidr);
  if (network === null) return `"${cidr}" must be an address range such as "10.20.0.0/16" or "fd12:3456::/32"`;
  const bits = network.length * 8;
  if (match === null) return `"${cidr}" must be a range: write "${cidr}/${bits}" for the one address`;
  const prefix = Number(match[2]);
  if (prefix > bits) return `"${cidr}" has a prefix longer than ${bits} bits`;
  const base = network.map((byte, i) => byte & (0xff << Math.max(0, Math.min(8, 8 * (i + 1) - prefix))));
  if (base.some((byte, i) => byte !== network[i])) {
    const text = ipaddr.fromByteArray([...base]).toString();
    return `"${cidr}" has bits set behind its prefix: write "${text}/${prefix}"`;
  }
  const block = blockOf(network);
  const closed = NEVER_OPENED.has(block.is) && block.prefix <= prefix;
  return closed ? `"${cidr}" is ${block.is} space, which no policy can open` : undefined;
}

const OK: AddressVerdict = { ok: true };

/**
 * Compiles a service's `addresses`. Without a list, public addresses only. A list opens exactly its ranges, with two limits:
 *
 * - Metadata, multicast and unspecified addresses stay closed, whatever is listed.
 * - A range opens a special block (loopback, private, …) only from inside: `10.20.0.0/16` opens private addresses,
 *   `0.0.0.0/0` opens the public ones and not a single private one, so that a wide range cannot open loopback by accident.
 *
 * An embedding IPv6 form is reached only when a list names the form itself (`64:ff9b::/96` behind NAT64) **and** every IPv4
 * address it carries is public or listed.
 *
 * @throws TypeError for a range that {@link addressRangeProblem} would have refused.
 */
export function compileAddressRule(addresses?: readonly string[]): AddressRule {
  const ranges = addresses?.map((cidr) => {
    const problem = addressRangeProblem(cidr);
    if (problem !== undefined) throw new TypeError(problem);
    return parseRange(cidr);
  });
  const isListed = (address: Bytes, block: Block): boolean =>
    ranges?.some((range) => covers(range, address) && (block.is === "public" || range.prefix >= block.prefix)) ?? false;

  const isOpen = (address: Bytes): boolean => {
    const block = blockOf(address);
    if (NEVER_OPENED.has(block.is)) return false;
    const carried = embedded(address);
    if (carried.length > 0) {
      return isListed(address, FORM) && carried.every((ipv4) => blockOf(ipv4).is === "public" || isOpen(ipv4));
    }
    return ranges === undefined ? block.is === "public" : isListed(address, block);
  };

  return (ip) => {
    const address = parseBytes(ip);
    if (address === null) return { ok: false, class: "invalid" };
    return isOpen(address) ? OK : { ok: false, class: classify(address) };
  };
}
