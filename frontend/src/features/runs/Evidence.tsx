import { useMutation } from "@tanstack/react-query";
import { FileCheck2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { send } from "@/api/client";
import { asProblem } from "@/api/problem";
import { saveFile } from "@/lib/save-file";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { Status } from "@/ui/parts";

/** Saves the evidence of the run as a file that anybody can verify without this server. */
export function Evidence({ runId }: { runId: string }) {
  const { t } = useTranslation();
  const save = useMutation({
    mutationFn: async () => {
      const response = await send(`/runs/${runId}/bundle`, { method: "POST" });
      // Byte for byte: another form of the same would not verify.
      saveFile(await response.blob(), `${runId}.bundle.json`);
    },
  });
  return (
    <section aria-label={t("runs.evidence")} className="mb-4">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Button disabled={save.isPending} onClick={() => save.mutate()}>
          <FileCheck2 size={14} aria-hidden="true" />
          {t("runs.evidence")}
        </Button>
        <p className="min-w-0 flex-1 basis-64 text-sm text-ink-2">{t("runs.evidenceText")}</p>
      </div>
      <div aria-live="polite" aria-busy={save.isPending}>
        {save.isPending && (
          <p className="mt-2">
            <Status tone="busy">{t("runs.evidenceMaking")}</Status>
          </p>
        )}
        {save.error !== null && <ProblemNotice problem={asProblem(save.error)} className="mt-2" onRetry={() => save.mutate()} />}
        {save.isSuccess && (
          <p data-testid="evidence" className="mt-2 flex flex-wrap gap-x-3">
            <Status tone="accent">{t("runs.evidenceSaved")}</Status>
            <code className="text-sm text-ink-2 [overflow-wrap:anywhere]">{`millwright run verify ${runId}.bundle.json`}</code>
          </p>
        )}
      </div>
    </section>
  );
}
