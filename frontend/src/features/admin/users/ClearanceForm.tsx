import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { sendJson } from "@/api/client";
import type { AdminUser, ChangeUser } from "@/api/identity-types";
import { asProblem, type Problem } from "@/api/problem";
import { CLASSIFICATIONS } from "@/api/types";
import { ListFields, useListErrors } from "@/features/labels/LabelFields";
import { rank, wordsOf } from "@/lib/labels";
import { Button } from "@/ui/Button";
import { SelectField } from "@/ui/Field";
import { LabelChips } from "@/ui/LabelChips";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { clearanceOf, invalidateUsers, userPath } from "./queries";

interface ClearanceFormProps {
  user: AdminUser;
  mayManage: boolean;
  own: boolean;
}

/** What the server says of a word of a list, such as `groups[1]`. */
function ofList(problem: Problem | null, name: string): string | undefined {
  return problem?.fields.find(({ field }) => field === name || field.startsWith(`${name}[`))?.message;
}

/** What the user may read. It holds from the next request on. */
export function ClearanceForm({ user, mayManage, own }: ClearanceFormProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const initial = { regimes: user.export_authorisations.join(", "), groups: user.groups.join(", ") };
  const [clearance, setClearance] = useState(user.clearance);
  const [lists, setLists] = useState(initial);
  const wrong = useListErrors(lists, true);
  const save = useMutation({
    mutationFn: (change: ChangeUser) => sendJson<AdminUser>("PATCH", userPath(user.id), change),
    onSuccess: () => invalidateUsers(client),
  });
  if (!mayManage) return <LabelChips of="person" label={{ ...clearanceOf(user), integrity: null }} />;
  const problem = save.error === null ? null : asProblem(save.error);
  const errors = { regimes: ofList(problem, "export_authorisations"), groups: ofList(problem, "groups") };
  const regimes = wordsOf(lists.regimes);
  const groups = wordsOf(lists.groups);
  const changed =
    clearance !== user.clearance || regimes.join() !== [...user.export_authorisations].sort().join() || groups.join() !== [...user.groups].sort().join();
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate({ clearance, export_authorisations: regimes, groups });
  };
  const discard = () => {
    setClearance(user.clearance);
    setLists(initial);
    save.reset();
  };
  // Nobody raises their own; what is offered says so before the server has to.
  const offered = CLASSIFICATIONS.filter((value) => !own || rank(value) <= rank(user.clearance));
  return (
    <form onSubmit={submit}>
      {problem !== null && errors.regimes === undefined && errors.groups === undefined && <ProblemNotice problem={problem} className="mb-3" />}
      <SelectField
        label={t("labels.clearanceUpTo")}
        hint={t(own ? "labels.clearanceOwn" : "labels.clearanceHint")}
        value={clearance}
        options={offered.map((value) => ({ value, label: t(`classification.${value}`) }))}
        onChange={setClearance}
        className="mb-3"
      />
      <ListFields asAuthorisation lists={lists} onChange={setLists} errors={errors} />
      {changed && (
        <div className="mt-3 flex flex-wrap gap-2">
          <Button kind="primary" type="submit" disabled={save.isPending || wrong.regimes !== undefined || wrong.groups !== undefined}>
            {t("labels.saveClearance")}
          </Button>
          <Button kind="quiet" onClick={discard}>
            {t("users.discard")}
          </Button>
        </div>
      )}
    </form>
  );
}
