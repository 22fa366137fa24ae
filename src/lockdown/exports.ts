import module from "node:module";
import { builtin } from "./builtin.js";
import { lock, refusing, refusingAll } from "./refuse.js";

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/**
 * What of a module of Node's stays usable, by module. Only modules stand here that reach below JavaScript by themselves; a
 * module such as `http` opens its sockets through `net`, where they are held. What a list does not name is refused: the
 * exports with an underscore, which hand out handles, and whatever a later Node adds.
 */
const USABLE: Readonly<Record<string, ReadonlySet<string>>> = {
  net: words(`_normalizeArgs BlockList SocketAddress connect createConnection createServer isIP isIPv4 isIPv6 Server Socket
    Stream getDefaultAutoSelectFamily setDefaultAutoSelectFamily getDefaultAutoSelectFamilyAttemptTimeout
    setDefaultAutoSelectFamilyAttemptTimeout`),
  tls: words(`CLIENT_RENEG_LIMIT CLIENT_RENEG_WINDOW DEFAULT_CIPHERS DEFAULT_ECDH_CURVE DEFAULT_MIN_VERSION
    DEFAULT_MAX_VERSION getCiphers getCertificateCompressionAlgorithms rootCertificates getCACertificates
    convertALPNProtocols checkServerIdentity createSecureContext SecureContext TLSSocket Server createServer connect
    createSecurePair`),
  dgram: words("createSocket Socket"),
  dns: words(`lookup lookupService Resolver getDefaultResultOrder setDefaultResultOrder getServers resolve resolve4 resolve6
    resolveAny resolveCaa resolveCname resolveMx resolveNaptr resolveNs resolvePtr resolveSoa resolveSrv resolveTlsa
    resolveTxt reverse promises`),
  "dns/promises": words(`lookup lookupService Resolver getDefaultResultOrder setDefaultResultOrder getServers resolve
    resolve4 resolve6 resolveAny resolveCaa resolveCname resolveMx resolveNaptr resolveNs resolvePtr resolveSoa resolveSrv
    resolveTlsa resolveTxt reverse`),
  child_process: words("ChildProcess exec execFile execFileSync execSync fork spawn spawnSync"),
  worker_threads: words(`isInternalThread isMainThread MessagePort MessageChannel markAsUncloneable markAsUntransferable
    isMarkedAsUntransferable moveMessagePortToContext receiveMessageOnPort resourceLimits postMessageToThread threadId
    threadName SHARE_ENV Worker parentPort workerData BroadcastChannel setEnvironmentData getEnvironmentData locks`),
  inspector: words("close url console Session Network NetworkResources DOMStorage"),
  "inspector/promises": words("close url console Session Network NetworkResources DOMStorage"),
  // Snapshots of the heap hold every string there is, and promise hooks are handed every promise.
  v8: words(`cachedDataVersionTag getHeapStatistics getHeapSpaceStatistics getHeapCodeStatistics getCppHeapStatistics
    setFlagsFromString Serializer Deserializer DefaultSerializer DefaultDeserializer deserialize takeCoverage stopCoverage
    serialize startupSnapshot GCProfiler isStringOneByteRepresentation startCpuProfile`),
  // Hooks and resources of asynchronous work are, among others, the sockets themselves.
  async_hooks: words("AsyncLocalStorage executionAsyncId triggerAsyncId asyncWrapProviders AsyncResource"),
  diagnostics_channel: words("channel hasSubscribers subscribe tracingChannel unsubscribe Channel"),
  // Hooks on loading see, and may change, what the guard loads later.
  module: words(`_stat _cache _pathCache _extensions globalPaths wrap wrapper _debug isBuiltin _readPackage _findPath
    _nodeModulePaths _resolveLookupPaths _load _resolveFilename createRequire _initPaths _preloadModules
    syncBuiltinESMExports Module builtinModules runMain constants enableCompileCache findPackageJSON flushCompileCache
    stripTypeScriptTypes getCompileCacheDir findSourceMap SourceMap getSourceMapsSupport setSourceMapsSupport prototype`),
  wasi: words("WASI"),
  tty: words("isatty ReadStream WriteStream"),
};

/** Modules without a list: they are JavaScript over the ones above, or reach neither network nor memory. */
const HARMLESS = words(`_http_agent _http_client _http_common _http_incoming _http_outgoing _http_server _stream_duplex
  _stream_passthrough _stream_readable _stream_transform _stream_wrap _stream_writable _tls_common _tls_wrap assert
  assert/strict buffer cluster console constants crypto domain events fs fs/promises http http2 https os path path/posix
  path/win32 perf_hooks process punycode querystring readline readline/promises repl stream stream/consumers stream/promises
  stream/web string_decoder sys timers timers/promises trace_events url util util/types vm zlib sea sqlite test
  test/reporters`);

/** Refuses what the lists do not name. Last: what stands in for an export by then is kept. */
export function holdExports(): void {
  for (const id of module.builtinModules) {
    const name = id.replace(/^node:/, "");
    if (HARMLESS.has(name)) continue;
    // A module that this version does not know can do anything.
    const exported = builtin(name);
    if (exported !== undefined) holdModule(name, exported, USABLE[name] ?? new Set());
  }
}

function holdModule(name: string, exported: object, usable: ReadonlySet<string>): void {
  for (const key of Object.getOwnPropertyNames(exported)) {
    const property = Reflect.getOwnPropertyDescriptor(exported, key);
    const isFunction = typeof property?.value === "function";
    const isObject = typeof property?.value === "object" && property.value !== null;
    if (usable.has(key) || property?.configurable !== true || !(isFunction || isObject || property.get !== undefined))
      continue;
    lock(exported, key, (isFunction ? refusing : refusingAll)(`${name}.${key}`, WHY));
  }
}

const WHY =
  "It cannot be allowed under lockdown; what has to use it can be loaded with an --import that stands before sallyport/lockdown.";
