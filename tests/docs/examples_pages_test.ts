/** The examples in pages. */

import { testExamples } from "./_examples.ts";

testExamples((path) => path.endsWith(".md"));
