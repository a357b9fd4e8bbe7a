// The layers of the project: who may import whom, and why. Checked by ./dev check, which also plants a fault to
// see that the check sees.

/** Steps of a process: they meet in the pipeline and share model/, and never import each other. */
const AGENT_STEPS = "source|reassemble|decode|enrich|journal|block|spool|ship|rules";
const COLLECTOR_STEPS =
  "receive|store|compact|retain|query|confirm|enroll|administer|trial|alerts|rules|notify|answers|peers|attest|witness|logapi|ledger|deadblocks|verify|web|coverage|aws|s3|cost|forward";

export default {
  forbidden: [
    {
      name: "no-cycles",
      comment: "A cycle has no first file to read.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "agent-and-collector-apart",
      comment: "They meet on the wire only.",
      severity: "error",
      from: { path: "^(agent|collector|cli)/src" },
      to: { path: "^(agent|collector|cli)/src", pathNot: "^$1/src" },
    },
    {
      name: "modules-know-the-agent-by-its-configuration",
      comment: "What is generated configures the agent: its schema is the one thing that both must agree on.",
      severity: "error",
      from: { path: "^integrations/src" },
      to: { path: "^(agent|collector|cli)/src", pathNot: "^agent/src/config/index\\.ts$" },
    },
    {
      name: "lib-stands-alone",
      comment: "Everybody uses lib; it uses the protos.",
      severity: "error",
      from: { path: "^lib/src" },
      to: { path: "^(agent|collector|cli|console|integrations|stack|e2e|bench|simulate)/" },
    },
    {
      name: "products-need-no-tools",
      comment: "What users run needs nothing that only develops or tests it.",
      severity: "error",
      from: { path: "^(lib|agent|collector|cli|integrations)/src" },
      to: { path: "^(stack|e2e|bench|simulate|tools)/" },
    },
    {
      name: "console-runs-in-a-browser",
      comment:
        "It has of lib only what asks nothing of Node, and speaks to the collector as everybody does: over the wire.",
      severity: "error",
      from: { path: "^console/src", pathNot: "\\.test\\.ts$" },
      to: {
        path: "^(agent|collector|cli|integrations|stack|e2e|bench|simulate|tools|proto|lib)/|^node_modules/@grpc",
        pathNot: "^lib/src/(text/index|evidence/index|audit/(reading|text|words))\\.ts$",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "console-has-no-node",
      comment: "A browser has none of Node's modules.",
      severity: "error",
      from: { path: "^console/src", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "console-pages-apart",
      comment: "A page is loaded when it is opened: what it shares with others lies below them.",
      severity: "error",
      from: { path: "^console/src/pages/([^/]+)/" },
      to: { path: "^console/src/(pages|shell)/", pathNot: "^console/src/pages/$1/" },
    },
    {
      name: "agent-steps-apart",
      comment: "Steps meet in pipeline.ts; a step may be exchanged without reading the others.",
      severity: "error",
      from: { path: `^agent/src/(${AGENT_STEPS})/`, pathNot: "\\.test\\.ts$|^agent/src/ship/" },
      to: { path: `^agent/src/(${AGENT_STEPS}|config)/`, pathNot: "^agent/src/$1/" },
    },
    {
      name: "ship-reads-the-spool",
      comment: "Shipping is reading the spool and freeing it; it uses nothing else.",
      severity: "error",
      from: { path: "^agent/src/ship/" },
      to: { path: `^agent/src/(${AGENT_STEPS}|config)/`, pathNot: "^agent/src/(ship|spool)/" },
    },
    {
      name: "collector-steps-apart",
      comment: "Steps meet in the roles.",
      severity: "error",
      from: { path: `^collector/src/(${COLLECTOR_STEPS})/`, pathNot: "\\.test\\.ts$" },
      to: {
        path: `^collector/src/(${COLLECTOR_STEPS}|config|jetstream|mongodb|roles)/`,
        pathNot: "^collector/src/$1/",
      },
    },
    {
      name: "pure-work-has-no-io",
      comment: "What computes can be tested, fuzzed and moved anywhere; I/O lives with those who call it.",
      severity: "error",
      from: {
        path: "^(lib/src/(block|audit|predicate|sieve|sigma|detect|correlate|tlog|logentry)|agent/src/(reassemble|decode|journal|model))/",
        pathNot: "\\.test\\.ts$|arbitrary\\.ts$",
      },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "grpc-at-the-edges",
      comment: "gRPC is for those who speak to others.",
      severity: "error",
      from: {
        path: "^(lib|agent|collector)/src",
        pathNot:
          "^agent/src/(ship|identity)/|^collector/src/(receive|query|confirm|serve|ask|enroll|administer|trial|alerts|rules|notify|answers|retain|ledger|deadblocks|verify|logapi|web|coverage)/",
      },
      to: { path: "node_modules/@grpc/" },
    },
    {
      name: "one-user-of-the-nats-client",
      comment: "Its errors and its habits are known in one place.",
      severity: "error",
      from: {
        path: "^(lib|agent|collector|cli|stack|e2e|bench|simulate)/",
        // What stands in for the client is made of it.
        pathNot: "^collector/src/jetstream/|^simulate/broker/",
      },
      to: { path: "node_modules/@nats-io/" },
    },
    {
      name: "one-user-of-the-mongodb-driver",
      comment: "What only some servers can do is known in one place.",
      severity: "error",
      from: {
        path: "^(lib|agent|collector|cli|stack|e2e|bench)/",
        pathNot:
          "^collector/src/mongodb/|^simulate/database/|^bench/(fleet/peer|database)\\.ts$|^e2e/(room\\.test|insider|databasehand|databaserecorder)\\.ts$",
      },
      to: { path: "node_modules/mongodb/" },
    },
    {
      name: "one-user-of-the-aws-sdk",
      comment:
        "What is asked of AWS is counted in one place, what is put into buckets goes one way, and no other process loads a megabyte for it.",
      severity: "error",
      from: { path: "^(lib|agent|collector|cli|stack|bench|simulate)/", pathNot: "^collector/src/(aws|s3)/" },
      to: { path: "node_modules/@(aws-sdk|smithy)/" },
    },
    {
      name: "doors-only",
      comment: "A folder is entered by its index.ts.",
      severity: "error",
      from: {
        path: "^(agent|collector|lib|cli|console|integrations)/src/([^/]+)/",
        pathNot: "\\.test\\.ts$|/fixture\\.ts$",
      },
      to: {
        path: "^(agent|collector|lib|cli|console|integrations)/src/[^/]+/",
        // The console has of that folder only what asks nothing of Node.
        pathNot: "^$1/src/$2/|/index\\.ts$|^lib/src/audit/reading\\.ts$",
      },
    },
    {
      name: "resolvable",
      comment: "An import that leads nowhere hides from all other rules.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^proto/gen|^console/dist|\\.hosttrail" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
