import { addTexts } from "@/i18n";
import { budgets, usage } from "@/i18n/en-usage";

addTexts({ budgets, usage });
