/**
 * Testing distributed code: tests with tags, as in ExUnit, and the nodes that the tests need.
 *
 * `@otp/distribution/testing/main` runs a project's tests; `docs/testing.md` is the introduction.
 *
 * @module
 */

export type { Atom } from "@otp/processes/values/atom";
export type { ModuleFunction } from "@otp/processes/remote/exported_modules";
export { type TestCluster, testCluster } from "./test_cluster.ts";
export {
  configureTests,
  describeTags,
  type TestConfiguration,
  type TestProgram,
} from "./configuration.ts";
export * from "./filters.ts";
export { startNodes, TestNodes } from "./nodes.ts";
export { Peer, type PeerOptions, type PeerSpec, startPeer } from "./peer.ts";
export {
  assertLinearizable,
  type SequentialModel,
  type SimulatedCall,
} from "./simulation/linearizable.ts";
export { simulate, type SimulateReport } from "./simulation/simulate.ts";
export type {
  DurableCalls,
  EntityContext,
  EntityRun,
  EntityRuns,
  ReadCalls,
  RunInfo,
  RunResultOptions,
  RunState,
  RunWait,
  StoreStatement,
} from "@otp/entities";
export type {
  SimulatedClient,
  SimulatedFault,
  SimulatedLife,
  SimulateOptions,
} from "./simulation/simulated_life.ts";
export {
  type Delay,
  type PartitionMode,
  type PartitionOptions,
  SimulatedCluster,
  type SimulatedNodeOptions,
  type SimulatedNodeSpec,
  type SimulatedWaitOptions,
  type SimulationOptions,
} from "./simulation/simulated_cluster.ts";
export { requestedNode } from "./_arguments.ts";
export type { TestContext, TestFunction } from "./_run.ts";
export type {
  DenoTestContext,
  HostTestOptions,
  TestPathPermission,
  TestPermission,
  TestPermissions,
  TestSnapshotOptions,
  TestStep,
  TestStepOptions,
} from "./_deno.ts";
export { test, type TestOptions } from "./tags.ts";

export type {
  CancelOptions,
  EntityCallOptions,
  EntityCalls,
  EntityContextOf,
  EntityEvent,
  EntityHandle,
  EntityLogEvent,
  EntityLogFollowOptions,
  EntityLogOptions,
  EntityLogPart,
  EntityLogReader,
  EntityLogReadOptions,
  EntityReserved,
  EntityType,
} from "@otp/entities";
export type { Pid } from "@otp/processes/values/pid";
