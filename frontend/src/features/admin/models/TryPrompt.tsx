import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Estimate } from "@/api/gateway-types";
import { asProblem } from "@/api/problem";
import { CLASSIFICATIONS, type Classification } from "@/api/types";
import { Candidates } from "@/features/route/Candidates";
import { Judgement } from "@/features/route/Judgement";
import { formatNumber } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Field, SelectField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { candidatesOf, useEstimate } from "./queries";

const MOST_CHARS = 200_000;

/** Shows where a prompt would go, and why. */
export function TryPrompt() {
  const { t } = useTranslation();
  const [prompt, setPrompt] = useState("");
  const [classification, setClassification] = useState<Classification>("INTERNAL");
  const estimate = useEstimate();
  return (
    <>
      <form
        className="max-w-xl space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          estimate.mutate({ prompt, classification });
        }}
      >
        <Field label={t("models.prompt")}>
          {(control) => (
            <textarea
              {...control}
              value={prompt}
              rows={3}
              required
              maxLength={MOST_CHARS}
              onChange={(event) => setPrompt(event.target.value)}
              className="field-sizing-content block max-h-64 min-h-20 w-full rounded-md border border-line-strong bg-ground p-2 text-base text-ink"
            />
          )}
        </Field>
        <div className="flex flex-wrap items-end gap-3">
          <SelectField label={t("models.classification")} value={classification} options={CLASSIFICATIONS.map((value) => ({ value, label: t(`classification.${value}`) }))} onChange={setClassification} className="w-44" />
          <Button kind="primary" type="submit" disabled={prompt.trim() === "" || estimate.isPending}>
            {t("models.estimate")}
          </Button>
        </div>
      </form>
      <div role="status" className="mt-4 max-w-xl">
        {estimate.error !== null && <ProblemNotice problem={asProblem(estimate.error)} />}
        {estimate.data !== undefined && <Result estimate={estimate.data} />}
      </div>
    </>
  );
}

function Result({ estimate }: { estimate: Estimate }) {
  const { t } = useTranslation();
  const { tier, score, light_below, heavy_from, features, input_tokens, output_tokens, currency } = estimate;
  return (
    <div className="space-y-3 rounded-lg border border-line p-3" data-testid="estimate" data-tier={tier}>
      <p className="flex flex-wrap items-baseline gap-x-3">
        <strong className="font-semibold">{t(`tiers.${tier}`)}</strong>
        <span className="text-sm text-ink-2 tabular-nums">{t("models.tokensEstimated", { input: formatNumber(input_tokens), output: formatNumber(output_tokens) })}</span>
      </p>
      <div className="text-sm">
        <Judgement judged={{ score, light_below, heavy_from, features }} />
      </div>
      <Candidates candidates={candidatesOf(estimate)} currency={currency} caption={t("route.candidates")} />
    </div>
  );
}
