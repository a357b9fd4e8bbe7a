/** For how long the database's disk will do. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type CallError, callStream, METHODS, type RetentionForecast } from "../../api/index.ts";
import { Card, Facts, Failure } from "../../show/index.ts";
import { bytesText } from "../../text/index.ts";
import { durationText, msOf } from "../../time/index.ts";

export function Storage(): VNode {
  const [forecast, setForecast] = useState<RetentionForecast>();
  const [error, setError] = useState<CallError>();
  useEffect(() => {
    const stopping = new AbortController();
    const take = ({ forecast: told }: { forecast?: RetentionForecast | undefined }): void => {
      if (told !== undefined) setForecast(told);
    };
    void callStream(METHODS.planRetention, {}, take, stopping.signal).then((failure) => {
      if (!stopping.signal.aborted) setError(failure);
    });
    return () => stopping.abort();
  }, []);
  return (
    <Card title="Storage">
      {error !== undefined && <Failure error={error} />}
      {forecast !== undefined && <Forecast of={forecast} />}
    </Card>
  );
}

function Forecast({ of }: { of: RetentionForecast }): VNode {
  const { policies = [], diskUsedBytes, diskTotalBytes, diskFullTime } = of;
  const fullMs = msOf(diskFullTime);
  const stored = policies.reduce((sum, { bytes }) => sum + Number(bytes ?? 0), 0);
  const daily = policies.reduce((sum, { bytesADay }) => sum + Number(bytesADay ?? 0), 0);
  return (
    <Facts
      of={[
        [
          "Days left",
          fullMs === undefined ? "it does not fill, or too little is known" : durationText(fullMs - Date.now()),
        ],
        [
          "Disk",
          diskTotalBytes === undefined
            ? "the database does not tell"
            : `${bytesText(diskUsedBytes)} of ${bytesText(diskTotalBytes)}`,
        ],
        ["Events stored", bytesText(stored)],
        ["A day adds", bytesText(daily)],
      ]}
    />
  );
}
