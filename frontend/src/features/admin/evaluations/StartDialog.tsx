import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { EvaluationSuite, StartEvaluation, StartedEvaluations } from "@/api/evaluation-types";
import { asProblem } from "@/api/problem";
import { useAgent, useAgents } from "@/features/admin/agents/queries";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EVALUATIONS_PATH, invalidateEvaluations } from "./queries";

const ROUTED = "*";
const NOBODY = "";
const IN_FORCE = "";

interface Chosen {
  /** A name, `*` for whom each question is for, empty for nobody. */
  name: string;
  /** A number, or empty for what is in force. */
  version: string;
}

const asRequest = ({ name, version }: Chosen) => (name === ROUTED ? {} : version === IN_FORCE ? { name } : { name, version: Number(version) });

/** Says who is to answer, and starts. Mount it to show it. */
export function StartDialog({ suite, onClose }: { suite: EvaluationSuite; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const form = useId();
  const [agent, setAgent] = useState<Chosen>({ name: ROUTED, version: IN_FORCE });
  const [other, setOther] = useState<Chosen>({ name: NOBODY, version: IN_FORCE });
  // One for each time the dialog is opened: a press that comes twice starts nothing.
  const [key] = useState(() => crypto.randomUUID());
  const start = useMutation({
    mutationFn: () => {
      const body: StartEvaluation = { suite_id: suite.id, agents: [agent, other].filter(({ name }) => name !== NOBODY).map(asRequest) };
      return sendJson<StartedEvaluations>("POST", EVALUATIONS_PATH, body, { "idempotency-key": `${key} ${JSON.stringify(body.agents)}`.replaceAll(/[^!-~]/g, "").slice(0, 100) });
    },
    onSuccess: async ({ items }) => {
      await invalidateEvaluations(client);
      onClose();
      const [first] = items;
      if (items.length === 1 && first !== undefined) await navigate({ to: "/admin/evaluations/$evaluationId", params: { evaluationId: first.id } });
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    start.mutate();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t("evaluations.startTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={start.isPending}>
            {t("evaluations.start")}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className="space-y-4" noValidate>
        <p className="text-ink-2">{t("evaluations.startText")}</p>
        {start.error !== null && <ProblemNotice problem={asProblem(start.error)} />}
        <AgentFields label={t("evaluations.agent")} value={agent} onChange={setAgent} />
        <AgentFields label={t("evaluations.other")} value={other} onChange={setOther} optional />
      </form>
    </Dialog>
  );
}

interface AgentFieldsProps {
  label: string;
  value: Chosen;
  onChange: (value: Chosen) => void;
  optional?: boolean;
}

function AgentFields({ label, value, onChange, optional = false }: AgentFieldsProps) {
  const { t } = useTranslation();
  const agents = useAgents();
  const named = value.name !== ROUTED && value.name !== NOBODY;
  const options = [
    ...(optional ? [{ value: NOBODY, label: t("evaluations.nobody") }] : []),
    { value: ROUTED, label: t("evaluations.routed") },
    ...(agents.data ?? []).map(({ name }) => ({ value: name, label: name })),
  ];
  return (
    <div className="space-y-2">
      <SelectField label={label} value={value.name} options={options} onChange={(name) => onChange({ name, version: IN_FORCE })} />
      {named && <VersionField name={value.name} label={`${label}: ${value.name}`} value={value.version} onChange={(version) => onChange({ ...value, version })} />}
    </div>
  );
}

function VersionField({ name, label, value, onChange }: { name: string; label: string; value: string; onChange: (version: string) => void }) {
  const { t } = useTranslation();
  const agent = useAgent(name);
  const versions = agent.data?.versions ?? [];
  if (versions.length === 0) return null;
  const options = [{ value: IN_FORCE, label: t("evaluations.inForce", { name }) }, ...versions.map(({ number }) => ({ value: String(number), label: t("evaluations.version", { name, version: number }) }))];
  return <SelectField label={label} value={value} options={options} onChange={onChange} />;
}
