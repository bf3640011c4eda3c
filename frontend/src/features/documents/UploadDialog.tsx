import { Upload } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { CLASSIFICATIONS, type Classification } from "@/api/types";
import { cx } from "@/lib/cx";
import { formatBytes } from "@/lib/format";
import { Button } from "@/ui/Button";
import { ClassificationLabel } from "@/ui/parts";
import { Dialog } from "@/ui/Dialog";
import { addUploads } from "./upload-queue";

const ACCEPT = ".pdf,.docx,.txt,.md,.markdown,.html,.htm";

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
  const picker = useRef<HTMLInputElement>(null);
  const start = () => {
    addUploads(files, classification);
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
          <Button kind="primary" disabled={files.length === 0} onClick={start}>
            {t("upload.start", { count: files.length })}
          </Button>
        </>
      }
    >
      <input
        ref={picker}
        type="file"
        multiple
        accept={ACCEPT}
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
      {files.length > 0 && (
        <ul className="mt-3 max-h-40 overflow-y-auto rounded-md border border-line">
          {files.map((file, index) => (
            <li key={`${file.name} ${index}`} className="flex h-8 items-center justify-between gap-3 border-b border-line px-2 last:border-b-0">
              <span className="truncate">{file.name}</span>
              <span className="shrink-0 text-sm text-ink-3 tabular-nums">{formatBytes(file.size)}</span>
            </li>
          ))}
        </ul>
      )}
      <fieldset className="mt-4">
        <legend className="mb-1 text-sm font-medium">{t("documents.classification")}</legend>
        <div className="grid grid-cols-2 gap-2">
          {CLASSIFICATIONS.map((value) => (
            <label
              key={value}
              className={cx(
                "flex min-h-8 items-center gap-2 rounded-md border px-2 touch:min-h-11",
                value === classification ? "border-accent bg-accent-soft" : "border-line-strong hover:bg-hover",
              )}
            >
              <input
                type="radio"
                name="classification"
                value={value}
                checked={value === classification}
                onChange={() => setClassification(value)}
                className="size-4 accent-(--accent)"
              />
              <ClassificationLabel value={value} />
            </label>
          ))}
        </div>
      </fieldset>
      <p className="mt-3 text-sm text-ink-2">{t("upload.sameName")}</p>
    </Dialog>
  );
}
