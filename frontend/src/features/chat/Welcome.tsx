import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FileText, MessageSquareText } from "lucide-react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import type { Document, ListPage } from "@/api/types";
import { useMay } from "@/lib/may";
import { EmptyState } from "@/ui/parts";

/** What a new conversation shows before its first question. */
export function Welcome() {
  const { t } = useTranslation();
  const mayUpload = useMay("documents:write");
  const ready = useQuery({
    queryKey: ["documents", "any-ready"],
    queryFn: ({ signal }) => getJson<ListPage<Document>>("/documents", { status: "ready", limit: 1 }, signal),
  });
  const none = ready.data?.items.length === 0;
  return (
    <div className="flex min-h-0 flex-1 items-center justify-center overflow-y-auto">
      {none ? (
        <EmptyState icon={<FileText size={28} />} title={t("chat.noDocuments")} text={t(mayUpload ? "chat.noDocumentsUpload" : "chat.noDocumentsViewer")}>
          {mayUpload && (
            <Link
              to="/documents/{-$documentId}"
              params={{}}
              className="control rounded-md border border-line-strong px-3 font-medium hover:bg-hover"
            >
              {t("chat.toDocuments")}
            </Link>
          )}
        </EmptyState>
      ) : (
        <EmptyState icon={<MessageSquareText size={28} />} title={t("chat.welcome")} text={t("chat.welcomeText")} />
      )}
    </div>
  );
}
