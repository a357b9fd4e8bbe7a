/**
 * Alerts as the detector made them: a small document each, by which they are listed, and one with their events in full. Nobody else
 * writes them; what people do with an alert is kept apart.
 */
import { Binary, type Db, type Filter as Query, Long } from "mongodb";
import { Alert } from "@hosttrail/proto/alert";
import { classify } from "./failure.ts";
import { number, putAll, removeAll, type Row, Rows } from "./rows.ts";

/** An alert with what the detector needs to go on with it. */
export interface AlertRecord {
  /** Without what people did. */
  alert: Alert;
  /** Last message of the matches' stream that is in it. */
  sequence: bigint;
  /** True once others were told that it is there. */
  isTold: boolean;
}

export interface AlertQuery {
  /** Begin of the window, milliseconds: from start (inclusive) to end (exclusive). */
  startMs: number;
  endMs: number;
  /** Only those after this one in the order of the list; empty for all. */
  afterId: string;
  severityMin: number;
  /** Empty for any. */
  ruleKey: string;
  ruleset: string;
  hostId: string;
  limit: number;
}

const ID_TIME_LENGTH = 12;
const IDS_ASKED_MAX = 1000;
/** Hosts of which it is remembered that their first alert is noted; of more it is tried again with each alert. */
const NOTED_MAX = 100_000;

export class AlertStore {
  readonly #alerts: Rows;
  readonly #events: Rows;
  /** When the first alert of a host was raised: written once. */
  readonly #first: Rows;
  readonly #noted = new Set<string>();

  constructor(database: Db) {
    this.#first = new Rows(database, "first_alerts");
    this.#alerts = new Rows(database, "alerts");
    this.#events = new Rows(database, "alert_events");
  }

  /** Writes alerts whole, with the events that they have in full. */
  async putAlerts(records: readonly AlertRecord[]): Promise<void> {
    if (records.length === 0) return;
    try {
      // Events first: whoever finds the alert finds them, too.
      await putAll(
        this.#events,
        records.map(({ alert }) => ({ _id: alert.id, alert: packed({ ...Alert.create(), events: alert.events }) })),
      );
      await putAll(this.#alerts, records.map(toRow));
      for (const { alert } of records) for (const { id } of alert.hosts) await this.#noteFirst(id, alert);
    } catch (error) {
      throw classify(error);
    }
  }

  async #noteFirst(hostId: string, { id, createTime }: Alert): Promise<void> {
    if (hostId === "" || this.#noted.has(hostId)) return;
    const timeMs = createTime === undefined ? Date.now() : Number(createTime.seconds) * 1000;
    await this.#first.tryInsert({ _id: hostId, alert: id, time_ms: Long.fromNumber(timeMs) });
    if (this.#noted.size < NOTED_MAX) this.#noted.add(hostId);
  }

  /** When the first alert of each host was raised, milliseconds; only those that have one. Throws a RetryableError where the database is away. */
  async firstAlerts(hostIds: readonly string[]): Promise<Map<string, number>> {
    try {
      return new Map(Array.from(await this.#first.getAll(hostIds), ([id, row]) => [id, number(row, "time_ms")]));
    } catch (error) {
      throw classify(error);
    }
  }

  /** With their events. */
  async getAlerts(ids: readonly string[]): Promise<Map<string, AlertRecord>> {
    const found = new Map<string, AlertRecord>();
    try {
      for (let at = 0; at < ids.length; at += IDS_ASKED_MAX) {
        const some = ids.slice(at, at + IDS_ASKED_MAX);
        const [rows, events] = await Promise.all([this.#alerts.getAll(some), this.#events.getAll(some)]);
        for (const [id, row] of rows) {
          const record = toRecord(row);
          record.alert.events = unpacked(events.get(id)).events;
          found.set(id, record);
        }
      }
    } catch (error) {
      throw classify(error);
    }
    return found;
  }

  /** Newest first, without events. */
  async listAlerts(query: AlertQuery): Promise<Alert[]> {
    const { startMs, endMs, afterId, severityMin, ruleKey, ruleset, hostId, limit } = query;
    const filter: Query<Row> = {
      _id: { $gte: timePrefix(startMs), $lt: afterId === "" ? timePrefix(endMs) : afterId },
      ...(severityMin > 0 ? { severity: { $gte: severityMin } } : {}),
      ...(ruleKey === "" ? {} : { rule: ruleKey }),
      ...(ruleset === "" ? {} : { ruleset }),
      ...(hostId === "" ? {} : { hosts: hostId }),
    };
    try {
      const rows = await this.#alerts.all.find(filter).sort({ _id: -1 }).limit(limit).toArray();
      return rows.map((row) => toRecord(row).alert);
    } catch (error) {
      throw classify(error);
    }
  }

  /** Takes alerts away for good, the events last: whoever finds the alert finds them, too. What people did with it is kept elsewhere. */
  async removeAlerts(ids: readonly string[]): Promise<void> {
    try {
      await removeAll(this.#alerts, ids);
      await removeAll(this.#events, ids);
    } catch (error) {
      throw classify(error);
    }
  }
}

/** The first part of ids of this time. */
function timePrefix(timeMs: number): string {
  return Math.max(0, Math.min(timeMs, 16 ** ID_TIME_LENGTH - 1))
    .toString(16)
    .padStart(ID_TIME_LENGTH, "0");
}

function toRow({ alert, sequence, isTold }: AlertRecord): Row {
  return {
    _id: alert.id,
    alert: packed({ ...alert, events: [] }),
    rule: alert.rule?.key ?? "",
    ruleset: alert.rule?.ruleset ?? "",
    severity: alert.rule?.severity ?? 0,
    hosts: alert.hosts.map(({ id }) => id),
    sequence: Number(sequence),
    told: isTold,
  };
}

function toRecord(row: Row): AlertRecord {
  return { alert: unpacked(row), sequence: BigInt(number(row, "sequence")), isTold: row["told"] === true };
}

function packed(alert: Alert): Binary {
  return new Binary(Alert.encode(alert).finish());
}

function unpacked(row: Row | undefined): Alert {
  const value: unknown = row?.["alert"];
  return Alert.decode(value instanceof Binary ? value.buffer : new Uint8Array());
}
