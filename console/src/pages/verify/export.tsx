/** Evidence for somebody else: of one host it is put together here, of any size by the command line. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type CallError, callStream, METHODS } from "../../api/index.ts";
import { Card, Failure } from "../../show/index.ts";
import { bytesText, counted } from "../../text/index.ts";
import { askedRange, rangeText } from "../../time/index.ts";
import { EVIDENCE_LENGTH_MAX, EvidenceFiles, EvidenceTooLarge } from "./evidence.ts";

interface AskedEvidence {
  /** Empty where no host is chosen. */
  host: string;
  from: string;
  to: string;
}

export function Evidence({ host, from, to }: AskedEvidence): VNode {
  return (
    <Card title="Evidence for somebody else">
      <p class="about">
        An auditor checks a host's trail with python3 and openssl, and without this collector, for{" "}
        {rangeText({ from: from === "all" ? "" : from, to })}.
      </p>
      {host === "" ? (
        <p class="soft">Evidence is of one host: choose it on its own page, by Verify.</p>
      ) : (
        <Export host={host} from={from} to={to} />
      )}
      <p class="about">The command line writes it as it comes, of any size:</p>
      <pre class="source" tabIndex={0}>
        {`hosttrail evidence export --host ${host === "" ? "HOST" : host}${optionOf("since", from === "all" ? "" : from)}${optionOf("until", to)} --output evidence.tar`}
      </pre>
    </Card>
  );
}

function Export({ host, from, to }: AskedEvidence): VNode {
  const [state, setState] = useState<{ text: string; isRunning: boolean }>({ text: "", isRunning: false });
  const [error, setError] = useState<CallError>();
  const stopping = useRef(new AbortController());
  useEffect(() => () => stopping.current.abort(), []);
  const start = async (): Promise<void> => {
    stopping.current = new AbortController();
    const { signal } = stopping.current;
    setError(undefined);
    setState({ text: "Asked for…", isRunning: true });
    const range = askedRange({ from: from === "all" ? "" : from, to }, Date.now());
    const files = new EvidenceFiles(range);
    let told = 0;
    let isTooLarge = false;
    const failure = await callStream(
      METHODS.exportEvidence,
      { hostId: host, ...range },
      (part) => {
        try {
          files.add(part);
        } catch (cause) {
          if (!(cause instanceof EvidenceTooLarge)) throw cause;
          isTooLarge = true;
          stopping.current.abort();
        }
        if (performance.now() - told < TOLD_EACH_MS) return;
        told = performance.now();
        setState({ text: counted(files.blocks, "block"), isRunning: true });
      },
      signal,
    );
    if (isTooLarge) {
      const text = `There is more than ${bytesText(EVIDENCE_LENGTH_MAX)}, which a page does not hold: the command line has no such bound.`;
      return setState({ text, isRunning: false });
    }
    if (signal.aborted) return;
    if (failure !== undefined || files.verdict === "") {
      setError(failure);
      return setState({ text: failure === undefined ? "The answer ended before all was sent." : "", isRunning: false });
    }
    const bytes = offer(await files.tar(), `evidence-${host.slice(0, 8)}.tar`);
    const text = `${counted(files.blocks, "block")}, ${bytesText(bytes)}; the collector itself says: ${files.verdict}`;
    setState({ text, isRunning: false });
  };
  const stop = (): void => {
    stopping.current.abort();
    setState({ text: "Stopped: nothing was saved.", isRunning: false });
  };
  return (
    <>
      <p class="row">
        {state.isRunning ? (
          <button type="button" class="button" onClick={stop}>
            Stop the export
          </button>
        ) : (
          <button type="button" class="button" onClick={() => void start()}>
            Export evidence
          </button>
        )}
        <span class="soft" role="status">
          {state.text}
        </span>
      </p>
      {error !== undefined && <Failure error={error} again={() => void start()} />}
    </>
  );
}

/** How often it is told how far it is, at most. Milliseconds. */
const TOLD_EACH_MS = 250;
/** A browser has begun to save a file by then. */
const SAVED_MS = 60_000;

/** Offers a file for download. Gives its size. */
function offer(pieces: BlobPart[], name: string): number {
  const file = new Blob(pieces, { type: "application/x-tar" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MS);
  return file.size;
}

function optionOf(name: string, value: string): string {
  return value === "" ? "" : ` --${name} ${value}`;
}
