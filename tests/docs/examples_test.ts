/** The examples in doc comments. */

import { testExamples } from "./_examples.ts";

testExamples((path) => path.endsWith(".ts"));
