import { FolderOpen, Upload } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Classification } from "@/api/types";
import { documentName } from "@/api/upload";
import { ClassificationChoice, ListFields, useListErrors } from "@/features/labels/LabelFields";
import { endOfDay, startOfDay } from "@/lib/day";
import { formatBytes } from "@/lib/format";
import { wordsOf } from "@/lib/labels";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { DescriptionFields, NO_DESCRIPTION, tagsOf, useDescriptionErrors } from "./DescriptionFields";
import { addUploads } from "./upload-queue";

const ENDINGS = [".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".tsv", ".txt", ".adoc", ".md", ".markdown", ".html", ".htm", ".eml"];

/** Folders hold other things too, which nobody chose one by one. */
function readable(file: File): boolean {
  return ENDINGS.some((ending) => file.name.toLowerCase().endsWith(ending));
}

interface UploadDialogProps {
  /** Files that were dropped on the page; empty when the dialog was opened with the button. */
  initial: File[];
  onClose: () => void;
}

/** Which files, and how confidential they are. The label is asked for before anything is sent. */
export function UploadDialog({ initial, onClose }: UploadDialogProps) {
  const { t } = useTranslation();
  const [files, setFiles] = useState(initial);
  const [classification, setClassification] = useState<Classification>("INTERNAL");
  const [lists, setLists] = useState({ regimes: "", groups: "" });
  const [description, setDescription] = useState(NO_DESCRIPTION);
  const [passedOver, setPassedOver] = useState(0);
  const wrong = useListErrors(lists);
  const wrongDescription = useDescriptionErrors(description);
  const faulty = [wrong.regimes, wrong.groups, wrongDescription.tags, wrongDescription.until].some((fault) => fault !== undefined);
  const picker = useRef<HTMLInputElement>(null);
  const folderPicker = useRef<HTMLInputElement>(null);
  const addFolder = (list: FileList | null) => {
    const all = [...(list ?? [])];
    const found = all.filter(readable);
    setFiles([...files, ...found]);
    setPassedOver(all.length - found.length);
  };
  const start = () => {
    addUploads(files, {
      classification,
      export_control: wordsOf(lists.regimes),
      groups: wordsOf(lists.groups),
      tags: tagsOf(description.tags),
      effective_from: startOfDay(description.from),
      effective_until: endOfDay(description.until),
    });
    onClose();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t("upload.title")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" disabled={files.length === 0 || faulty} onClick={start}>
            {t("upload.start", { count: files.length })}
          </Button>
        </>
      }
    >
      <input
        ref={picker}
        type="file"
        multiple
        accept={ENDINGS.join(",")}
        className="sr-only"
        tabIndex={-1}
        aria-label={t("upload.choose")}
        onChange={(event) => setFiles([...files, ...(event.target.files ?? [])])}
      />
      <button
        type="button"
        onClick={() => picker.current?.click()}
        className="flex w-full flex-col items-center gap-1 rounded-lg border border-dashed border-line-strong px-4 py-6 text-center hover:bg-hover"
      >
        <Upload size={20} aria-hidden="true" className="text-ink-3" />
        <span className="font-medium">{t("upload.choose")}</span>
        <span className="text-sm text-ink-2">{t("upload.formats")}</span>
      </button>
      <input
        // Not among React's attributes, and understood by every browser.
        ref={(input) => {
          folderPicker.current = input;
          input?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        multiple
        className="sr-only"
        tabIndex={-1}
        aria-label={t("upload.chooseFolder")}
        onChange={(event) => {
          addFolder(event.target.files);
          // The same folder may be chosen again.
          event.target.value = "";
        }}
      />
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <Button onClick={() => folderPicker.current?.click()}>
          <FolderOpen size={14} aria-hidden="true" />
          {t("upload.chooseFolder")}
        </Button>
        {passedOver > 0 && (
          <span role="status" className="text-sm text-ink-2">
            {t("upload.passedOver", { count: passedOver })}
          </span>
        )}
      </div>
      {files.length > 0 && (
        <ul className="mt-3 max-h-40 overflow-y-auto rounded-md border border-line">
          {files.map((file, index) => (
            <li key={`${file.name} ${index}`} className="flex h-8 items-center justify-between gap-3 border-b border-line px-2 last:border-b-0">
              <span className="truncate">{documentName(file)}</span>
              <span className="shrink-0 text-sm text-ink-3 tabular-nums">{formatBytes(file.size)}</span>
            </li>
          ))}
        </ul>
      )}
      <div className="mt-4 space-y-4">
        <ClassificationChoice value={classification} onChange={setClassification} />
        <ListFields lists={lists} onChange={setLists} />
        <DescriptionFields value={description} onChange={setDescription} />
      </div>
      <p className="mt-3 text-sm text-ink-2">{t("upload.sameName")}</p>
    </Dialog>
  );
}
