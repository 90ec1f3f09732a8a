/**
 * Views of running nodes: health, metrics, telemetry, an observer and a dashboard.
 *
 * @module
 */

export * from "./health.ts";
export * from "./metrics.ts";
export * from "./observer.ts";
export * from "./telemetry.ts";
