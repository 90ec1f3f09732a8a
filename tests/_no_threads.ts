/**
 * Serves EPMD without a thread where coverage is measured: a thread writes the coverage of all its modules
 * before it exits, which takes a second, and half of all tests start one.
 */

import { EpmdThread } from "../packages/epmd/thread.ts";

EpmdThread.start = () => Promise.resolve(undefined);
