import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { PiiFinding, PiiPreview, PiiType } from "@/api/policy-types";
import { cx } from "@/lib/cx";
import { useDebounced } from "@/lib/hooks";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { settingsOf, type Draft } from "./draft";
import { pieces } from "./marks";

const SETTLE_MS = 300;

/** Tries the settings as they are edited on a text, which is kept nowhere. */
export function Preview({ draft }: { draft: Draft }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const asked = useDebounced(JSON.stringify({ personal_data: settingsOf(draft), text }), SETTLE_MS);
  const query = useQuery({
    queryKey: ["policy", "preview", asked],
    queryFn: async () => {
      const body = JSON.parse(asked) as { text: string };
      return { text: body.text, preview: await sendJson<PiiPreview>("POST", "/policy/settings/preview", body) };
    },
    enabled: text !== "",
    retry: false,
    gcTime: 0,
    placeholderData: (previous) => previous,
  });
  return (
    <section aria-label={t("personalData.preview")} className="min-w-0 border-t border-line py-4 xl:sticky xl:top-0">
      <h2 className="mb-1 text-md font-semibold">{t("personalData.preview")}</h2>
      <p className="mb-2 max-w-[75ch] text-ink-2">{t("personalData.previewText")}</p>
      <textarea
        aria-label={t("personalData.sample")}
        placeholder={t("personalData.samplePlaceholder")}
        value={text}
        rows={6}
        maxLength={20_000}
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        className="field h-auto py-2"
      />
      <div aria-busy={query.isFetching} className="mt-3 space-y-4" data-testid="preview">
        {query.isError && <ProblemNotice problem={asProblem(query.error)} />}
        {text !== "" && query.isSuccess && <Outcome text={query.data.text} preview={query.data.preview} />}
      </div>
    </section>
  );
}

const BOX = "rounded-md border border-line bg-sunken p-2 whitespace-pre-wrap [overflow-wrap:anywhere]";

function Outcome({ text, preview }: { text: string; preview: PiiPreview }) {
  const { t } = useTranslation();
  return (
    <>
      <div>
        <h3 className="mb-1 text-xs text-ink-3">{t("personalData.found", { count: preview.findings.length })}</h3>
        <p className={cx(BOX, "leading-7")} data-testid="preview-marked">
          {pieces(text, preview.findings).map((piece, at) => (piece.finding === null ? piece.text : <Mark key={at} text={piece.text} finding={piece.finding} />))}
        </p>
      </div>
      <div>
        <h3 className="mb-1 text-xs text-ink-3">{t("personalData.asModel")}</h3>
        {preview.blocked.length > 0 ? (
          <p className="rounded-md border border-danger/40 bg-danger-soft p-2" data-testid="preview-blocked">
            {t("personalData.blocked")} <span className="font-mono text-sm">{preview.blocked.join(", ")}</span>
          </p>
        ) : (
          <p className={cx(BOX, "font-mono text-sm")} data-testid="preview-model">
            {preview.text}
          </p>
        )}
      </div>
      <div>
        <h3 className="mb-1 text-xs text-ink-3">{t("personalData.injectionCheck")}</h3>
        <dl className="grid grid-cols-[auto_1fr] gap-x-3 text-sm">
          <Check name={t("personalData.asMessage")} check={preview.as_message} />
          <Check name={t("personalData.asContent")} check={preview.as_content} />
        </dl>
      </div>
    </>
  );
}

/** What is found, with its kind and what happens to it in words. */
function Mark({ text, finding }: { text: string; finding: PiiFinding }) {
  const { t, i18n } = useTranslation();
  const key = `personalData.names.${finding.kind}`;
  const name = i18n.exists(key) ? t(key as `personalData.names.${PiiType}`) : finding.kind;
  const kept = finding.mode === "allow";
  return (
    <mark title={`${name} · ${t(`personalData.modes.${finding.mode}`)}`} className={cx("rounded-sm px-0.5", kept ? "bg-hover text-ink" : "bg-mark text-on-mark")} data-kind={finding.kind}>
      {text}
      <span className="ml-1 align-[0.1em] text-2xs font-medium">
        {name}
        {kept && ` · ${t("personalData.modes.allow")}`}
      </span>
    </mark>
  );
}

function Check({ name, check }: { name: string; check: PiiPreview["as_message"] }) {
  const { t } = useTranslation();
  const numbers = { score: check.score.toFixed(2), threshold: check.threshold.toFixed(2) };
  return (
    <>
      <dt className="text-ink-2">{name}</dt>
      <dd className="tabular-nums">
        <span className={check.is_hit ? "font-medium text-danger" : ""}>{t(check.is_hit ? "personalData.hit" : "personalData.noHit", numbers)}</span>
        {check.reasons.length > 0 && <span className="text-ink-2"> · {check.reasons.join(", ")}</span>}
      </dd>
    </>
  );
}
