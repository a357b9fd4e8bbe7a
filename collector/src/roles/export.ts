/** [history], [alerts] -> forward, to each target from one process at a time. */
import { compileFilter } from "@hosttrail/lib/predicate";
import type { Logger } from "@hosttrail/lib/log";
import type { Alert } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import { ExportFormat } from "@hosttrail/proto/query";
import { exportFormatOf, type ExportTargetConfig } from "../config/index.ts";
import { fileWriter, type FileWriter } from "../export/index.ts";
import {
  FileStore,
  type ForwardAlerts,
  Forwarder,
  OtlpTarget,
  type Outlet,
  readHeaders,
  StoredTarget,
  SyslogTarget,
  type Target,
} from "../forward/index.ts";
import { metrics } from "../metrics/index.ts";
import type { AlertWork } from "../model/index.ts";
import type { Archive } from "../mongodb/index.ts";
import { COLLECTOR_VERSION } from "../version.ts";
import { withWork } from "../work/index.ts";
import type { RunningRole, Shared } from "./role.ts";

const LEASE = "export";
const SECOND_MS = 1000;

const FORMATS = {
  json: ExportFormat.JSON_LINES,
  ecs: ExportFormat.ECS,
  ocsf: ExportFormat.OCSF,
  csv: ExportFormat.CSV,
  parquet: ExportFormat.PARQUET,
  cef: ExportFormat.CEF,
} as const;
const EXTENSIONS = {
  json: ".jsonl",
  ecs: ".jsonl",
  ocsf: ".jsonl",
  csv: ".csv",
  parquet: ".parquet",
  cef: ".cef",
} as const;

export async function startExport(shared: Shared): Promise<RunningRole | undefined> {
  const { config, stream, archive, history, reach, signal, logger } = shared;
  const { targets, leaseMs } = config.export;
  if (targets.length === 0) {
    if (config.roles.includes("export")) throw new Error("the role export needs export.targets");
    return undefined;
  }
  const byName = new Map(targets.map((target) => [target.name, target]));
  const openers = new Map<string, () => Target>();
  for (const target of targets) openers.set(target.name, await openerOf(target, logger));
  const forwarder = new Forwarder(
    {
      hold: (name, until, work, log) => stream.lease(`${LEASE}.${name}`, leaseMs).hold(until, work, log),
      history: {
        begin: (query) => history.begin(query),
        open: (unit) => history.open(unit),
        mayMatch: (unit, filter) => history.mayMatch(unit, filter),
        fingerprint: (place) => archive.history.fingerprint(place),
      },
      store: archive.exports,
      alerts: alertsOf(archive),
      openTarget: ({ name }) => (openers.get(name) as () => Target)(),
    },
    [...byName.values()].map(outletOf),
    logger,
  );
  return { needs: [reach.nats, reach.database], work: forwarder.run(signal) };
}

function outletOf({ name, what, filter, begin, everySeconds, eventsMax }: ExportTargetConfig): Outlet {
  return { name, what, filter: compileFilter(filter), begin, everyMs: everySeconds * SECOND_MS, eventsMax };
}

/** Throws where the target cannot be opened as it is configured. */
async function openerOf(config: ExportTargetConfig, logger: Logger): Promise<() => Target> {
  const { target: kind, name, directory } = config;
  const told = (bytes: number): void => metrics.exportBytes.inc({ target: name }, bytes);
  switch (kind) {
    case "files":
      return () => new StoredTarget(new FileStore(directory, name), { ...stored(config), told });
    case "s3": {
      // Its SDK is large, and nobody else needs it.
      const { Bucket } = await import("../s3/index.ts");
      return () => new StoredTarget(new Bucket(config), { ...stored(config), told });
    }
    case "otlp": {
      // Says now what is wrong with them.
      readHeaders(config.headersFile);
      const refused = (records: number, reason: string): void => {
        metrics.exportLost.inc({ target: name, reason: "refused" }, records);
        logger.error({ target: name, records, reason }, "the target refuses what is exported for good");
      };
      return () => new OtlpTarget({ ...config, version: COLLECTOR_VERSION, textOf: textOf(config), told, refused });
    }
    case "syslog":
      return () => new SyslogTarget({ ...config, told });
    default:
      throw new Error(`export target "${name}" is of no kind that there is`);
  }
}

const decoder = new TextDecoder();

/** One event as a line of the format. */
function textOf(config: ExportTargetConfig): (event: Event) => string {
  const writer = writerOf(config);
  return (event) => decoder.decode(writer.write([event])).trimEnd();
}

/** Throws where there is no such format, or no such fields. */
function writerOf(config: ExportTargetConfig): FileWriter {
  const format = exportFormatOf(config);
  const writer = fileWriter(FORMATS[format], config.fields);
  if (writer === undefined) throw new Error(`export target "${config.name}": nothing writes the format ${format}`);
  return writer;
}

function stored(config: ExportTargetConfig): Omit<ConstructorParameters<typeof StoredTarget>[1], "told"> {
  const { compression, partBytesMax: bytesMax } = config;
  const openWriter = (): FileWriter => writerOf(config);
  // Says now what fields there are not.
  openWriter();
  return { openWriter, extension: EXTENSIONS[exportFormatOf(config)], compression, bytesMax };
}

/** With what people did. */
function alertsOf({ alerts, alertWork }: Archive): ForwardAlerts {
  const joined = async (found: readonly Alert[]): Promise<Alert[]> => {
    const works = await alertWork.getWorks(found.map(({ id }) => id));
    return found.map((alert, at) => withWork(alert, works[at] as AlertWork));
  };
  return {
    async listAlerts(startMs, afterId, limit) {
      const any = { severityMin: 0, ruleKey: "", ruleset: "", hostId: "" };
      return await joined(await alerts.listAlerts({ ...any, startMs, endMs: Number.MAX_SAFE_INTEGER, afterId, limit }));
    },
    async getAlerts(ids) {
      const found = [...(await alerts.getAlerts(ids)).values()].map(({ alert }) => alert);
      return new Map((await joined(found)).map((alert) => [alert.id, alert]));
    },
  };
}
