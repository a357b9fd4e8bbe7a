/** What the manual says beyond the commands. */

/** A section: paragraphs, and lists of terms with what they mean. */
export interface Section {
  title: string;
  parts: readonly (string | readonly (readonly [term: string, text: string])[])[];
}

export const BEFORE: Section = {
  title: "DESCRIPTION",
  parts: [
    "hosttrail finds events of any host at any past moment, also of hosts that are gone; shows processes, timelines and what changed; works on alerts; enrols and revokes hosts; and gives people and programs access.",
    "hosttrail --help lists the commands, and hosttrail COMMAND --help the options of one with examples.",
  ],
};

export const AFTER: readonly Section[] = [
  {
    title: "FILTERS",
    parts: [
      "Filters are those of AIP-160. docs/filter.md has all of it, and hosttrail explain shows with parentheses how a filter is understood: OR binds tighter than AND.",
      [
        ["field = value, field != value", "equal, and not; a * at an end of the value stands for any text"],
        ["field : value", "has the text in it, or the item of a list; * for any value"],
        ["field < value, <=, >, >=", "of numbers and times"],
        ["AND, OR, NOT, -, ( )", "join and turn round; two comparisons behind each other are joined by AND"],
        ["word", "a word alone is looked for in names, paths, arguments and texts of messages"],
      ],
      "Where an event does not have what a field stands within, no comparison is true of it, also not by != : user.name != root finds no event without a user. A value with a space or a sign of comparison in it stands in double quotes. What a field can never have is refused, with what is allowed.",
      "Fields have their names in the Elastic Common Schema: those of event, host, process, target.process, user, group, file, source, destination, container and cloud; what is special to the kernel's audit stands under audit. Some take more than their own value:",
      [
        ["addresses, as destination.ip", "any form, and a network, as 203.0.113.0/24"],
        ["ids of users and groups, as user.audit.id", "unset for none"],
        ["host.labels", "key=value in quotes, or a key alone for any value of it"],
        ["audit.exit", "an error by its name, as EACCES"],
        [
          "audit.cmd, audit.exe, audit.terminal, audit.hostname, audit.op",
          "what a program in user space said of itself; claims of that program",
        ],
        ["audit.data", "what was typed on a terminal"],
        ["audit.unit", "the unit that was started or stopped"],
        ["audit.profile, audit.requested, audit.scontext, audit.tcontext, audit.tclass", "of AppArmor and SELinux"],
      ],
      "Programs and the kernel write some of these in hex. They are found by the text that was meant, and get and --json show it beside what was written.",
    ],
  },
  {
    title: "TIMES",
    parts: [
      "Where a time is wanted (TIME, FROM, TO):",
      [
        ['90s, 15m, 2h, 7d, 2w, 1h30m, "2h ago"', "so long ago"],
        ["2026-01-31T12:00:00Z, 2026-01-31T12:00+01:00", "RFC 3339"],
        [
          '2026-01-31, "2026-01-31 12:00", 12:00',
          "by the clocks of the zone (--zone, --utc, TZ); a day alone is its start, and a time alone is today's",
        ],
        ['"2026-01-31 12:00 Europe/Berlin"', "by the clocks of another zone"],
        ["@1769860800", "seconds since 1970, UTC"],
        [
          "now, recent, this-hour, today, yesterday, this-week, week-ago, this-month, this-year",
          "the words of ausearch(8), each the start of what it names; recent is ten minutes ago, and weeks begin on Sunday",
        ],
        ["boot", "when the one --host was started last; an error where that is not known"],
      ],
      "ausearch's checkpoint is not known. Times are shown by the clocks of the zone; JSON has UTC always. A time that clocks show twice is the first of both; one that they never show is an error.",
    ],
  },
  {
    title: "OUTPUT",
    parts: [
      "On a terminal tables fit its width: long cells are cut, and ids are left out where there is no room; --wide cuts nothing. Elsewhere nothing is ever cut. What is long goes through $PAGER (default: less -FRX). NO_COLOR and --color are heeded. With --json, or --ndjson which is the same, each object is one line, nothing is coloured, cut or folded, and there is no pager.",
      "Control characters never reach the terminal: what events hold was chosen by whoever is watched.",
      "Looks for a program along PATH, by one process within a second, that did not find it are one line in search, tail and timeline; --no-fold shows each. What is there and not allowed is never folded.",
      "A long scan tells on standard error, where that is a terminal, how much was looked at and how long it will take.",
      "An answer that is not complete is told on standard error with what it lacks and why, and by the exit status. That there are more events than --limit is told as well, and is no failure.",
    ],
  },
  {
    title: "ENVIRONMENT",
    parts: [
      [
        ["HOSTTRAIL_PROFILE", "file that says how to reach the collector and who you are, where --profile does not"],
        ["PAGER, LESS", "the pager and its options; PAGER=cat for none"],
        ["NO_COLOR", "no colours where it is not empty"],
        ["TZ", "the zone of times, where neither --zone nor --utc is given"],
      ],
    ],
  },
  {
    title: "FILES",
    parts: [[["~/.config/hosttrail/profile.yaml", "the profile where nothing else is said"]]],
  },
  {
    title: "EXIT STATUS",
    parts: [
      [
        ["0", "all went well, also where nothing was found"],
        ["1", "something failed"],
        ["2", "what was typed is wrong"],
        ["3", "the answer lacks something that was asked for; standard error says what"],
        ["130", "it was broken off by SIGINT or SIGTERM; tail and alerts --watch end with 0 then"],
      ],
      "A reader that closes the pipe, as head does, ends hosttrail quietly. What rules check, rules audit, rules test and notify test end with stands above.",
    ],
  },
];
