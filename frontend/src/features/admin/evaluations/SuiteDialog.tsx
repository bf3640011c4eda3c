import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FileUp } from "lucide-react";
import { useId, useRef, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { EvaluationSuite, WriteEvaluationSuite } from "@/api/evaluation-types";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { CodeArea } from "@/ui/CodeArea";
import { Dialog } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { SUITES_PATH, invalidateEvaluations } from "./queries";

/** What somebody begins with. */
const FIRST = `name: Our first questions
cases:
  - id: torque
    kind: table
    question: What torque do the coupling bolts need?
    documents: ["Pump manual.pdf"]
    facts: [["49 Nm"]]
    forbidden: ["12 Nm"]
  - id: price
    question: What does the pump cost?
    abstain: true
`;

/** Writes a suite, or changes one. Mount it to show it. */
export function SuiteDialog({ suite, onClose }: { suite: EvaluationSuite | null; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const form = useId();
  const file = useRef<HTMLInputElement>(null);
  const [definition, setDefinition] = useState(suite?.definition ?? FIRST);
  const save = useMutation({
    mutationFn: () => {
      const body: WriteEvaluationSuite = { definition };
      return suite === null ? sendJson<EvaluationSuite>("POST", SUITES_PATH, body) : sendJson<EvaluationSuite>("PATCH", `${SUITES_PATH}/${suite.id}`, body);
    },
    onSuccess: async (saved) => {
      await invalidateEvaluations(client);
      onClose();
      if (suite === null) await navigate({ to: "/admin/evaluations/suites/$suiteId", params: { suiteId: saved.id } });
    },
  });
  const problem = save.error === null ? null : asProblem(save.error);
  const wrong = problem?.fields.map(({ message }) => Number(/^(\d+):/.exec(message)?.[1] ?? Number.NaN)).filter((line) => !Number.isNaN(line)) ?? [];
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={t(suite === null ? "evaluations.create" : "evaluations.editTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={save.isPending || definition.trim() === ""}>
            {t("common.save")}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className="space-y-3" noValidate>
        {problem !== null && <ProblemNotice problem={problem} />}
        <div className="flex flex-wrap items-center justify-between gap-2">
          <p className="text-ink-2">{t("evaluations.createText")}</p>
          <Button onClick={() => file.current?.click()}>
            <FileUp size={14} aria-hidden="true" />
            {t("evaluations.importFile")}
          </Button>
          <input
            ref={file}
            type="file"
            accept=".yaml,.yml,.json"
            aria-label={t("evaluations.importFile")}
            className="hidden"
            onChange={(event) => {
              const [chosen] = event.target.files ?? [];
              void chosen?.text().then(setDefinition);
              event.target.value = "";
            }}
          />
        </div>
        <CodeArea label={t("evaluations.definition")} value={definition} onChange={setDefinition} invalid={problem !== null} wrong={wrong} testId="suite-definition" className="h-[55dvh]" />
      </form>
    </Dialog>
  );
}
