import { addTexts } from "@/i18n";
import { evaluations } from "@/i18n/en-evaluations";

addTexts({ evaluations });
