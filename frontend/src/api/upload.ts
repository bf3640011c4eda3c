import { authorization, url } from "./client";
import { reportDown, reportUp } from "./connection";
import { Problem, UNREACHABLE, problemFromText } from "./problem";
import { endSession } from "./session";
import type { Classification, Document } from "./types";

export interface Upload {
  done: Promise<Document>;
  cancel: () => void;
}

/** Sends a file. XMLHttpRequest, because fetch tells nothing of how much has been sent. */
export function uploadDocument(file: File, classification: Classification, onSent: (sent: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<Document>((resolve, reject) => {
    const form = new FormData();
    form.set("classification", classification);
    form.set("file", file, file.name);
    request.open("POST", url("/documents/upload"));
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onerror = () => {
      reportDown();
      reject(new Problem({ code: UNREACHABLE }));
    };
    request.onload = () => {
      reportUp();
      if (request.status >= 200 && request.status < 300) {
        resolve(JSON.parse(request.responseText) as Document);
        return;
      }
      if (request.status === 401) endSession();
      reject(problemFromText(request.status, request.responseText, request.getResponseHeader("x-request-id")));
    };
    request.send(form);
  });
  return { done, cancel: () => request.abort() };
}
