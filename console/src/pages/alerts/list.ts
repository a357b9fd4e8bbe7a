/** The list as it is read: page by page, and changed by what is told of alerts meanwhile. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Alert, call, type CallError, type ListAlertsRequest, METHODS } from "../../api/index.ts";
import { SLOW_MS } from "../../show/index.ts";
import { hasState, withChange } from "./asked.ts";

export interface AlertList {
  alerts: readonly Alert[];
  error: CallError | undefined;
  isLoading: boolean;
  isSlow: boolean;
  /** There are older ones. */
  isMore: boolean;
  more: () => void;
  again: () => void;
  /** An alert is another one now. */
  change: (alert: Alert) => void;
}

export function useAlerts(request: ListAlertsRequest): AlertList {
  const key = JSON.stringify(request);
  const [alerts, setAlerts] = useState<readonly Alert[]>([]);
  const [error, setError] = useState<CallError>();
  const [token, setToken] = useState("");
  const [isLoading, setLoading] = useState(true);
  const [isSlow, setSlow] = useState(false);
  const stopping = useRef(new AbortController());
  const load = useCallback(
    async (pageToken: string) => {
      stopping.current.abort();
      stopping.current = new AbortController();
      const { signal } = stopping.current;
      setLoading(true);
      const timer = setTimeout(() => setSlow(true), SLOW_MS);
      const answer = await call(METHODS.listAlerts, { ...request, pageToken }, signal);
      clearTimeout(timer);
      if (signal.aborted) return;
      setSlow(false);
      setLoading(false);
      setError(answer.error);
      if (answer.error !== undefined) return;
      const page = answer.value.alerts ?? [];
      setAlerts((before) =>
        pageToken === "" ? page : [...before, ...page.filter(({ id }) => before.every((each) => each.id !== id))],
      );
      setToken(answer.value.nextPageToken ?? "");
    },
    [key],
  );
  useEffect(() => {
    void load("");
    return () => stopping.current.abort();
  }, [load]);
  const change = (alert: Alert): void => setAlerts((before) => withChange(before, alert, hasState(request, alert)));
  return {
    alerts,
    error,
    isLoading,
    isSlow,
    isMore: token !== "",
    more: () => void load(token),
    again: () => void load(""),
    change,
  };
}
