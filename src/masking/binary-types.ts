/** Families of types that are no text, or text that somebody has encoded once more. */
const FAMILIES = [
  /^(?:image|audio|video|font|model|chemical|binary)\//,
  /^application\/(?:vnd\.ms-|vnd\.openxmlformats-|vnd\.oasis\.opendocument\.|vnd\.apache\.(?:arrow|avro|orc|parquet|thrift))/,
  /^application\/(?:x-)?(?:grpc|connect|thrift|avro|protobuf|cbor|msgpack|messagepack|bson|ubjson|smile|ion|flatbuffers?)(?:[-+.].*)?$/,
  /^application\/(?:pkcs(?:7-.*|8|8-encrypted|10|12)|x-pkcs(?:7-.*|12)|pkix-.*|ocsp-.*|timestamp-.*|dns-message)$/,
  /^application\/(?:x-)?(?:zip|gzip|tar|bzip2?|7z|xz|zstd|lz4|lzip|lzma|compress|rar|snappy)(?:-compressed)?$/,
  /[+.-](?:zip|gzip|zstd|cbor|cbor-seq|msgpack|protobuf|proto|smile|ber|der|wbxml|octet-stream)$/,
];

/** The others, as services name them. */
const TYPES: ReadonlySet<string> = new Set(
  `octet-stream pdf x-pdf proto x-protobuffer vnd.google.protobuf x-google-protobuf vnd.msgpack cose cwt
  x-jackson-smile x-amzn-ion vnd.amazon.eventstream x-flatbuffers x-parquet vnd.sqlite3 x-sqlite3 x-hdf5 x-hdf x-netcdf
  msword vnd.visio vnd.wordperfect wasm java-archive java-vm x-java-class x-java-serialized-object x-python-pickle
  x-msdownload x-msi x-dosexec x-executable x-sharedlib x-elf x-mach-binary x-apple-diskimage x-iso9660-image
  vnd.android.package-archive vnd.rar x-debian-package x-rpm x-redhat-package-manager vnd.debian.binary-package x-cpio
  x-shockwave-flash dicom ogg mp4 mxf epub+zip vnd.adobe.photoshop illustrator x-font-ttf x-font-otf font-woff
  vnd.ms-fontobject x-bittorrent mbox vnd.apache.arrow.stream vnd.apache.arrow.file x-binary x-raw x-tgz x-gtar`
    .split(/\s+/)
    .map((subtype) => `application/${subtype}`)
    .concat(["message/rfc822", "message/global", "message/partial"]),
);

/** Those that a family takes for binary, and that are text. */
const ARE_TEXT = /^(?:image\/svg|.*\+(?:xml|json|yaml))$/;

/**
 * Whether a media type is known to be binary, or to hold texts in an encoding of its own (mail, gRPC-Web text): it cannot be
 * masked. What is not known is taken for text, and what a family takes for binary is text where its name says that it is.
 */
export function isKnownBinary(essence: string): boolean {
  // Frames of a binary protocol, whatever is in them.
  if (/^application\/(?:x-)?(?:grpc|connect)/.test(essence)) return true;
  return !ARE_TEXT.test(essence) && (TYPES.has(essence) || FAMILIES.some((family) => family.test(essence)));
}
