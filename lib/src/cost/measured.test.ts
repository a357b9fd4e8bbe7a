/** What stored days say of hosts, their hours and their weeks. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  forecastHost,
  type HostForecast,
  likeOthers,
  type MeasuredDay,
  measuredHost,
  sumHosts,
  withShare,
} from "./index.ts";

/** 2026-11-16 is a Monday. */
const MONDAY = 16;

/** So many events a second by night and from 8 to 18, and a tenth of both on the weekend. */
function day(date: number, night: number, work: number): MeasuredDay {
  const isFree = (date - MONDAY) % 7 >= 5;
  const hours = Array.from({ length: 24 }, (_, hour) =>
    Math.round((3600 * (hour >= 8 && hour < 18 ? work : night)) / (isFree ? 10 : 1)),
  );
  const events = hours.reduce((sum, each) => sum + each, 0);
  return { day: `202611${date}`, events, bytes: events * 10, hours };
}

function days(count: number, night = 1, work = 10): MeasuredDay[] {
  return Array.from({ length: count }, (_, at) => day(MONDAY + at, night, work)).reverse();
}

function host(of: readonly MeasuredDay[], name = "web1"): HostForecast {
  const found = measuredHost(name, ["web"], of, 1);
  assert.ok(found !== undefined);
  return found;
}

/** The same days, stored before hours were counted. */
function before(of: readonly MeasuredDay[]): MeasuredDay[] {
  return of.map((each) => ({ ...each, hours: undefined }));
}

describe("a host that is measured", () => {
  it("has events a second by hours, which days do not tell apart", () => {
    const five = days(5);
    const { p50, p90, events } = host(five);
    assert.deepEqual([p50, p90], [1, 10]);
    assert.equal(events.mid, 14 * 3600 + 10 * 36_000);
    const flat = host(before(five));
    assert.deepEqual([flat.p50, flat.p90, flat.hours], [events.mid / 86_400, events.mid / 86_400, []]);
    assert.equal(flat.events.mid, events.mid);
  });

  it("knows the hours of the week, as many times as each was seen", () => {
    const { hours, notes } = host([day(MONDAY, 1, 10), day(MONDAY + 7, 3, 10), day(MONDAY + 6, 1, 10)]);
    assert.equal(hours.length, 48);
    const at = (weekday: number, hour: number): number | undefined =>
      hours.find((each) => each.weekday === weekday && each.hour === hour)?.eventsPerSecond;
    assert.deepEqual([at(0, 7), at(0, 8), at(0, 17), at(0, 18)], [2, 10, 10, 2]);
    assert.deepEqual([at(6, 7), at(6, 8), at(1, 8)], [0.1, 1, undefined]);
    assert.deepEqual(notes, [
      "only 3 whole days are stored: weekdays that are not in it are Tuesday, Wednesday, Thursday, Friday, Saturday",
    ]);
  });

  it("says which weekdays are missing, and of which days hours are", () => {
    assert.deepEqual(host(days(7)).notes, []);
    assert.match(host(days(1)).notes.join(), /only 1 whole day is stored: .* are Tuesday, /);
    // More days than a week has, and no Sunday among them.
    const noSunday = days(14).filter((each) => each.day !== "20261122" && each.day !== "20261129");
    assert.deepEqual(host(noSunday).notes, ["12 whole days are stored: weekdays that are not in it are Sunday"]);
    const [last, ...older] = days(7);
    assert.ok(last !== undefined);
    const some = host([last, ...before(older)]);
    assert.match(some.notes.join(), /^hours of 6 of 7 whole days are not known: [^;]*$/);
    assert.equal(some.hours.length, 24);
    assert.match(host(before(days(7))).notes.join(), /hours of 7 of 7 .*; events a second are those of whole days/);
  });

  it("without a part of its events has less of each hour", () => {
    const half = withShare(host(days(7)), 0.5);
    assert.deepEqual([half.p50, half.p90, half.hours[8]?.eventsPerSecond], [0.5, 5, 5]);
  });
});

describe("when a group is busy", () => {
  it("is told of the hosts that were seen at all hours, together", () => {
    const hosts = [host(days(7)), host(days(7, 2, 3), "web2"), host(before(days(7)), "web3")];
    const { busy } = sumHosts(hosts);
    const mean = (rate: number): number => (rate * 5.2) / 7;
    assert.equal(busy?.hosts, 2);
    assert.deepEqual([busy.busiest.hour, busy.quietest.hour], [8, 23]);
    assert.ok(Math.abs(busy.busiest.eventsPerSecond - mean(13)) < 0.01);
    assert.ok(Math.abs(busy.quietest.eventsPerSecond - mean(3)) < 0.01);
    const workday = (14 * 3 + 10 * 13) / 24;
    assert.equal(busy.week?.hosts, 2);
    assert.ok(Math.abs(busy.week.workdays - workday) < 0.01 && Math.abs(busy.week.weekend - workday / 10) < 0.01);
    const twice = sumHosts(hosts, 2).busy;
    assert.deepEqual([twice?.hosts, twice?.week?.hosts], [4, 4]);
    assert.ok(Math.abs((twice?.busiest.eventsPerSecond ?? 0) - 2 * busy.busiest.eventsPerSecond) < 0.01);
  });

  it("says nothing of a week of which only one part was seen, nor of a day", () => {
    const { busy } = sumHosts([host(days(5))]);
    assert.deepEqual([busy?.busiest, busy?.week], [{ hour: 8, eventsPerSecond: 10 }, undefined]);
    assert.equal(sumHosts([host(before(days(7)))]).busy, undefined);
    assert.equal(sumHosts([]).busy, undefined);
  });

  it("is of samples as well, where these saw all hours", () => {
    const sample = (hours: number): HostForecast => {
      const minutes = Array.from({ length: hours }, (_, hour) => ({
        startMs: Date.UTC(2026, 10, MONDAY, hour),
        seconds: 60,
        events: 60 * (hour + 1),
        blocks: 1,
        wireBytes: 0,
        cpuMs: 0,
        keys: [],
      }));
      const about = {
        version: 1 as const,
        host: "a",
        agentVersion: "0",
        source: "file" as const,
        rules: "recorded" as const,
      };
      const nothing = {
        ruleKeys: [],
        lost: { kernel: 0, gaps: 0, unreadable: 0 },
        keys: [],
        programs: [],
        weights: [],
      };
      return forecastHost([{ ...about, ...nothing, minutes, memoryBytes: 0 }], [], { restOverhead: 1 });
    };
    assert.equal(sumHosts([sample(23)]).busy, undefined);
    assert.deepEqual(sumHosts([sample(24)]).busy?.busiest, { hour: 23, eventsPerSecond: 24 });
  });

  it("is that of others for a host of which nothing is known, at hours that were seen of all of them", () => {
    const like = likeOthers("web9", ["web"], [host(days(7)), host(days(1, 2, 3), "web2")]);
    assert.equal(like?.hours.length, 24);
    assert.deepEqual([like.hours[0]?.eventsPerSecond, like.hours[8]?.eventsPerSecond], [1.5, 6.5]);
  });
});
