import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import type { Session } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { describeAgent } from "@/lib/user-agent";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Time } from "@/ui/parts";
import "./texts";

interface SessionTableProps {
  sessions: readonly Session[];
  /** The address of the list; a session is ended below it. */
  path: string;
  queryKey: readonly unknown[];
  mayEnd: boolean;
}

export function SessionTable({ sessions, path, queryKey, mayEnd }: SessionTableProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: (id: string) => send(`${path}/${id}`, { method: "DELETE" }),
    // Also after a refusal: it may have ended by itself.
    onSettled: () => client.invalidateQueries({ queryKey }),
  });
  return (
    <div className="@container">
      {end.error !== null && <ProblemNotice problem={asProblem(end.error)} className="mb-3" />}
      <table className="w-full table-fixed border-separate border-spacing-0">
        <caption className="sr-only">{t("sessions.title")}</caption>
        <thead>
          <tr>
            <th scope="col" className="cell-head pl-0">
              {t("sessions.device")}
            </th>
            <th scope="col" className="cell-head hidden w-36 @lg:table-cell">
              {t("sessions.method")}
            </th>
            <th scope="col" className="cell-head hidden w-28 @xl:table-cell">
              {t("sessions.started")}
            </th>
            <th scope="col" className="cell-head w-28">
              {t("sessions.lastUsed")}
            </th>
            <th scope="col" className="cell-head w-24 pr-0">
              <span className="sr-only">{t("sessions.end")}</span>
            </th>
          </tr>
        </thead>
        <tbody className="tabular-nums [&>tr:last-child>td]:border-b-0">
          {sessions.map((item) => {
            const device = describeAgent(item.user_agent) ?? t("sessions.unknownDevice");
            return (
              <tr key={item.id} data-testid="session-row">
                <td className="cell py-1.5 pl-0">
                  <p className="truncate" title={item.user_agent ?? undefined}>
                    {device}
                  </p>
                  <p className="truncate text-xs text-ink-3">
                    {item.current ? <span className="font-medium text-accent">{t("sessions.current")}</span> : null}
                    {item.current && item.address !== null ? " · " : null}
                    {item.address}
                  </p>
                </td>
                <td className="cell hidden truncate text-ink-2 @lg:table-cell">{item.method === "password" ? t("sessions.password") : (item.provider ?? item.method)}</td>
                <td className="cell hidden text-ink-2 @xl:table-cell">
                  <Time value={item.created_at} />
                </td>
                <td className="cell text-ink-2">
                  <Time value={item.last_used_at} />
                </td>
                <td className="cell pr-0 text-right">
                  {mayEnd && !item.current && (
                    <Button
                      kind="quiet"
                      className="-mr-3 touch:-mr-2"
                      aria-label={t("sessions.endNamed", { device })}
                      disabled={end.isPending && end.variables === item.id}
                      onClick={() => end.mutate(item.id)}
                    >
                      {t("sessions.end")}
                    </Button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
