// Offline stand-in for `@std/net`, so that a clone works without JSR; the
// published package depends on the genuine one.

export {
  getAvailablePort,
  type GetAvailablePortOptions,
} from "./get_available_port.ts";
