import { FileLock2, FilePen, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Policy, PolicyText } from "@/api/policy-types";
import { asProblem } from "@/api/problem";
import { cx } from "@/lib/cx";
import { useDebounced } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { Button } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { FileEditor, FileText, type Place } from "./FileEditor";
import { Findings } from "./Findings";
import { useLint } from "./queries";
import { StoreDialog } from "./StoreDialog";

const LINT_MS = 400;
const TEMPLATE = `@id("own-1")\n@reason("")\n@remedy("")\nforbid (principal, action, resource)\nwhen { false };\n`;

interface FilesTabProps {
  policy: Policy;
  draft: PolicyText[];
  onDraft: (files: PolicyText[]) => void;
}

function freeName(files: readonly PolicyText[]): string {
  let number = files.length + 1;
  while (files.some((file) => file.name === `own-${number}.cedar`)) number += 1;
  return `own-${number}.cedar`;
}

/** The files that ship, to read, and the organisation's own, to write. */
export function FilesTab({ policy, draft, onDraft }: FilesTabProps) {
  const { t } = useTranslation();
  const mayManage = useMay("configuration:manage");
  const [place, setPlace] = useState<Place>(draft.length > 0 ? { own: true, at: 0, line: null } : { own: false, at: 0, line: null });
  const [storing, setStoring] = useState(false);
  const lint = useLint(useDebounced(draft, LINT_MS));
  const changed = JSON.stringify(draft) !== JSON.stringify(policy.own);
  const file = (place.own ? draft : policy.shipped)[place.at];
  const add = () => {
    onDraft([...draft, { name: freeName(draft), text: TEMPLATE }]);
    setPlace({ own: true, at: draft.length, line: null });
  };
  const remove = () => {
    onDraft(draft.filter((_, at) => at !== place.at));
    setPlace({ own: false, at: 0, line: null });
  };
  const goTo = (name: string, line: number | null) => {
    const own = draft.findIndex((candidate) => candidate.name === name);
    const at = own === -1 ? policy.shipped.findIndex((candidate) => candidate.name === name) : own;
    if (at !== -1) setPlace({ own: own !== -1, at, line });
  };
  const discard = () => {
    onDraft(policy.own);
    setPlace({ own: false, at: 0, line: null });
  };
  const findings = draft.length === 0 ? [] : (lint.data ?? []);
  const broken = findings.some((finding) => finding.severity === "error");
  return (
    <div className="flex flex-col gap-4 p-4 lg:h-full lg:flex-row">
      <nav aria-label={t("policy.files")} className="shrink-0 lg:w-56 lg:overflow-y-auto">
        <FileSelect own={draft} shipped={policy.shipped} place={place} onPick={setPlace} />
        <FileGroup title={t("policy.own")} files={draft} own place={place} onPick={setPlace} empty={t("policy.ownNone")} />
        {mayManage && (
          <Button className="w-full lg:mb-4" onClick={add} disabled={draft.length >= 20}>
            <Plus size={14} aria-hidden="true" />
            {t("policy.addFile")}
          </Button>
        )}
        <FileGroup title={t("policy.shipped")} files={policy.shipped} own={false} place={place} onPick={setPlace} empty="" />
      </nav>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col gap-3">
        {file !== undefined &&
          (place.own && mayManage ? (
            <FileEditor
              key={place.at}
              file={file}
              spot={place}
              wrong={findings.filter(({ severity, file: name }) => severity === "error" && name === file.name).map(({ line }) => line)}
              taken={draft.filter((_, at) => at !== place.at).map(({ name }) => name)}
              onChange={(next) => onDraft(draft.map((old, at) => (at === place.at ? next : old)))}
              onRemove={remove}
            />
          ) : (
            <FileText file={file} line={place.line} />
          ))}
        {changed && (
          <div className="flex flex-wrap items-center gap-2">
            <Button kind="primary" disabled={broken} onClick={() => setStoring(true)}>
              {t("policy.store")}
            </Button>
            <Button kind="quiet" onClick={discard}>
              {t("users.discard")}
            </Button>
            <span className="text-sm text-ink-2">{t(broken ? "policy.storeBroken" : "policy.storeText")}</span>
          </div>
        )}
      </div>
      <aside aria-label={t("policy.findings")} className="shrink-0 lg:w-80 lg:overflow-y-auto">
        {lint.isError ? (
          <ProblemNotice problem={asProblem(lint.error)} onRetry={() => void lint.refetch()} />
        ) : (
          <Findings findings={findings} looked={draft.length > 0 && lint.isSuccess} onGo={goTo} />
        )}
      </aside>
      {storing && <StoreDialog files={draft} onClose={() => setStoring(false)} />}
    </div>
  );
}

/** Where there is no room for a list beside the text. */
function FileSelect({ own, shipped, place, onPick }: { own: readonly PolicyText[]; shipped: readonly PolicyText[]; place: Place; onPick: (place: Place) => void }) {
  const { t } = useTranslation();
  const options = (files: readonly PolicyText[], kind: string) =>
    files.map((file, at) => (
      <option key={at} value={`${kind} ${at}`} className="bg-raised text-ink">
        {file.name}
      </option>
    ));
  return (
    <select
      aria-label={t("policy.files")}
      value={`${place.own ? "own" : "shipped"} ${place.at}`}
      onChange={(event) => {
        const [kind, at] = event.target.value.split(" ");
        onPick({ own: kind === "own", at: Number(at), line: null });
      }}
      className="field mb-2 font-mono lg:hidden"
    >
      {own.length > 0 && <optgroup label={t("policy.own")}>{options(own, "own")}</optgroup>}
      <optgroup label={t("policy.shipped")}>{options(shipped, "shipped")}</optgroup>
    </select>
  );
}

interface FileGroupProps {
  title: string;
  files: readonly PolicyText[];
  own: boolean;
  place: Place;
  onPick: (place: Place) => void;
  empty: string;
}

function FileGroup({ title, files, own, place, onPick, empty }: FileGroupProps) {
  const Icon = own ? FilePen : FileLock2;
  return (
    <div className="mb-3 hidden lg:block">
      <h2 className="mb-1 text-xs font-medium text-ink-3">{title}</h2>
      {files.length === 0 && <p className="text-sm text-ink-2">{empty}</p>}
      <ul>
        {files.map((file, at) => {
          const current = place.own === own && place.at === at;
          return (
            <li key={at}>
              <button
                type="button"
                aria-current={current ? "true" : undefined}
                onClick={() => onPick({ own, at, line: null })}
                className={cx(
                  "flex h-8 w-full items-center gap-2 rounded-md px-2 text-left font-mono text-sm touch:h-11",
                  current ? "bg-accent-soft font-medium text-accent" : "text-ink-2 hover:bg-hover hover:text-ink",
                )}
              >
                <Icon size={14} aria-hidden="true" className="shrink-0" />
                <span className="truncate">{file.name}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
