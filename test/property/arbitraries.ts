import fc from "fast-check";

/** Text made of pieces that parsers are known to disagree about, among ordinary ones. */
const textOf = (pieces: readonly string[], maxLength: number): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...pieces) },
        { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 3 }) },
      ),
      { maxLength },
    )
    .map((parts) => parts.join(""));

const PATH_PIECES = [
  ..."/ / / a B v1 .well-known . .. ; ;x=1 : @ ! ~ - _ $ ( ) , é ß İ ſ ． ‥ ／ % %25 %2e %2E %2F %2f %5c %61 %7e %3B %3f %23 %00 %0a %c3%a9 %C0%AE %ff %32 %65 \\ \" < > ` { } | ^ [ ] '".split(
    " ",
  ),
  " ",
  "\t",
  "\0",
  "\u200b",
  "\u00ad",
  "\ud800",
  "\u0085",
];
const QUERY_PIECES = [
  ..."& & = = a B q scope[] _method x-http-method + ; %26 %3d %2B %zz % %00 ' é 1 ? / # %27 %25".split(" "),
  " ",
];

/** Path and query as an agent could write them. */
export const pathAndQuery: fc.Arbitrary<string> = fc
  .tuple(textOf(PATH_PIECES, 8), fc.option(textOf(QUERY_PIECES, 8), { nil: undefined }))
  .map(([path, query]) => `/${path}${query === undefined ? "" : `?${query}`}`);

/** As {@link pathAndQuery}, of pieces that are mostly accepted. */
export const tamePathAndQuery: fc.Arbitrary<string> = fc
  .tuple(
    textOf(
      "/ a B v1 .well-known : @ ! ~ - _ $ ( ) , é ß %25 %20 %7e %61 %3B %c3%a9 \" < > ` { } | ^ [ ] '".split(" "),
      8,
    ),
    fc.option(textOf("& = a B q scope[] + %26 %3d %2B ' é 1 ? / %27 %25".split(" "), 8), { nil: undefined }),
  )
  .map(([path, query]) => `/${path}${query === undefined ? "" : `?${query}`}`);

const HOSTS =
  "h.example H.Example h.example. a.b.h.example bücher.example xn--bcher-kva.example straße.example 10.0.0.1 127.1 0x7f.1 [::1] [::FFFF:1.2.3.4] [fe80::1%25a] localhost a_b.example a&b.example ｈ.example h。example .. -".split(
    " ",
  );

/** A whole URL, right or wrong in every part. */
export const anyUrl: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(
      "https://",
      "https://",
      "HTTP://",
      "http://",
      "https:/",
      "https:",
      "ftp://",
      "//",
      "",
      "https:\\\\",
    ),
    fc.constantFrom("", "", "", "", "u@", "u:p@", "@"),
    fc.constantFrom(...HOSTS),
    fc.constantFrom("", "", "", ":443", ":80", ":8443", ":0", ":65536", ":", ":080", ":a"),
    pathAndQuery,
    fc.constantFrom("", "", "", "#x", "#", " "),
  )
  .map((parts) => parts.join(""));

/** Header pairs, most of them in order. */
export const headerPairs: fc.Arbitrary<[string, string][]> = fc.array(
  fc.tuple(
    fc.constantFrom(
      ..."accept Accept x-a X-A x_a X-Tenant content-language x-api-key authorization Cookie x-forwarded-for te __proto__ x-%".split(
        " ",
      ),
    ),
    fc.oneof(
      fc.constantFrom("", "1", " 1 ", "a, b", "a\tb", "\u00e9\u00ff", "x y  z", '"q"', "a\r\nb", "\0", "☃"),
      fc.string({ maxLength: 10 }),
    ),
  ),
  { maxLength: 6 },
);

export const BODY_TYPES = [
  "application/json",
  "application/json; charset=utf-8",
  "text/json",
  "application/x-www-form-urlencoded",
  "application/x-www-form-urlencoded;charset=UTF-8",
  "multipart/form-data; boundary=b",
  "text/plain",
  "application/octet-stream",
] as const;

const JSON_PIECES =
  '{ } [ ] : , "v" "V" "\\u0076" "x" "X" "_method" 1 1.0 1e400 -0 null true "ſ" "__proto__" {"v":"x"} {"v":["x"]} {"V":"x"} [{"v":"x"}]'.split(
    " ",
  );
const FORM_PIECES = "v V v[] v[0] +v .v v.w x = = & & ; %76 %56 %78 %00 %zz %ff + _method DELETE é".split(" ");

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const formOf = fc
  .array(
    fc.tuple(
      fc.constantFrom("v", "v", "w", "V", "v[]", "+v", "%76", "v%00"),
      fc.constantFrom("=", "=", "=x=", ""),
      fc.constantFrom("x", "x", "y", "%78", ""),
    ),
    { maxLength: 3 },
  )
  .chain((pairs) =>
    fc.constantFrom("&", "&", ";").map((separator) => bytes(pairs.map((pair) => pair.join("")).join(separator))),
  );
const jsonOf = fc
  .array(
    fc.tuple(
      fc.constantFrom('"v"', '"v"', '"w"', '"V"', '"\\u0076"', '"v\\u0000"'),
      fc.constantFrom('"x"', '"x"', '"y"', '"\\u0078"', '["x"]', '{"v":"x"}', "1", "null"),
    ),
    { maxLength: 3 },
  )
  .chain((members) =>
    fc
      .constantFrom(["{", "}"], ["{", "}"], ["[{", "}]"], ["{", ""], ["\ufeff{", "}"], ["{", "}{}"])
      .map(([open = "", close = ""]) => bytes(open + members.map((member) => member.join(":")).join(",") + close)),
  );

/** Bytes of a body: JSON, forms and multipart with something wrong in them, and noise. */
export const bodyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  formOf,
  jsonOf,
  textOf(JSON_PIECES, 10).map((text) => new TextEncoder().encode(text)),
  textOf(FORM_PIECES, 10).map((text) => new TextEncoder().encode(text)),
  fc.json({ maxDepth: 3 }).map((text) => new TextEncoder().encode(text)),
  fc.uint8Array({ maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        "--b",
        "\r\n",
        "Content-Disposition: form-data; name=",
        '"v"',
        '"_method"',
        "x",
        "--",
        "\r\n\r\n",
      ),
      {
        maxLength: 10,
      },
    )
    .map((parts) => new TextEncoder().encode(parts.join(""))),
);
