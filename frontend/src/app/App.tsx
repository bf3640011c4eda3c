import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect } from "react";
import { watchSession } from "@/api/auth";
import { connection } from "@/api/connection";
import { session } from "@/api/session";
import { forgetConversations } from "@/features/chat/model/registry";
import { forgetUploads } from "@/features/documents/upload-queue";
import { closePdfs } from "@/features/source/pdf";
import { queryClient } from "./query";
import { router } from "./router";

/** What the guards of the pages look at. */
function rights(): string {
  const user = session.get()?.user;
  return user === undefined ? "" : `${user.restricted} ${user.permissions.join(" ")}`;
}

/** When the person changes, nothing of the former one may stay in memory. */
function useSessionChanges() {
  useEffect(() => {
    let user = session.get()?.user.id;
    let known = rights();
    const stop = session.subscribe(() => {
      const next = session.get()?.user.id;
      const changed = next !== user;
      if (!changed && rights() === known) return;
      user = next;
      known = rights();
      if (changed) {
        forgetConversations();
        forgetUploads();
        closePdfs();
        queryClient.clear();
      }
      // Runs the guards again: they lead to the sign-in page and back.
      void router.invalidate();
    });
    const unwatch = watchSession();
    return () => {
      stop();
      unwatch();
    };
  }, []);
}

function useRecovery() {
  useEffect(
    () =>
      connection.subscribe(() => {
        if (connection.get() === "up") void queryClient.invalidateQueries();
      }),
    [],
  );
}

export function App() {
  useSessionChanges();
  useRecovery();
  return (
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}
