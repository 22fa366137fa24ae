// A LangChain agent whose tools use the ambient `guardedFetch`: one call is allowed and masked, one denied, one approved.
// The model is scripted, so that it runs anywhere; put ChatOpenAI, ChatAnthropic or any other tool-calling model in its place.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { createGuard, findGuardError, guardedFetch } from "sallyport";
import { z } from "zod";

// --- The service ---------------------------------------------------------------------------------------------------
const reached = [];
const crm = createServer((request, response) => {
  request.resume();
  reached.push(`${request.method} ${request.url}`);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ id: "42", name: "Grace", email: "grace@example.com", phone: "+1 212 555 0123" }));
});
await new Promise((resolve) => crm.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${crm.address().port}`;

// --- The tools: nothing in them knows a guard, a session or a credential ---------------------------------------------
const readAccount = tool(
  async ({ id }) => (await guardedFetch(`${origin}/accounts/${encodeURIComponent(id)}`)).text(),
  { name: "read_account", description: "Read an account.", schema: z.object({ id: z.string() }) },
);
const deleteAccount = tool(
  async ({ id }) => (await guardedFetch(`${origin}/accounts/${encodeURIComponent(id)}`, { method: "DELETE" })).text(),
  { name: "delete_account", description: "Delete an account.", schema: z.object({ id: z.string() }) },
);
const addNote = tool(
  async ({ id, text }) => {
    const response = await guardedFetch(`${origin}/accounts/${encodeURIComponent(id)}/notes`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text }),
    });
    return response.ok ? "The note was added." : `The service answered ${response.status}.`;
  },
  { name: "add_note", description: "Add a note.", schema: z.object({ id: z.string(), text: z.string() }) },
);
const tools = [readAccount, deleteAccount, addNote];

// --- The model: a tool-calling chat model with a script --------------------------------------------------------------
class ScriptedModel extends BaseChatModel {
  /** What the model was shown, turn by turn. */
  seen = [];
  #script;

  constructor(script) {
    super({});
    this.#script = [...script];
  }

  _llmType() {
    return "scripted";
  }

  bindTools() {
    return this;
  }

  async _generate(messages) {
    this.seen.push(messages.map((message) => message.text).join("\n"));
    const message = this.#script.shift() ?? new AIMessage("I have nothing more to do.");
    return { generations: [{ text: message.text, message }] };
  }
}
const calls = (id, name, args) => new AIMessage({ content: "", tool_calls: [{ id, name, args, type: "tool_call" }] });
const model = new ScriptedModel([
  calls("1", "read_account", { id: "42" }),
  calls("2", "delete_account", { id: "42" }),
  calls("3", "add_note", { id: "42", text: "Asked to close the account; not possible from here." }),
  new AIMessage("I could not delete the account, so I left a note for a colleague."),
]);

// --- The agent loop: a refusal is the tool's result, in the words meant for the model --------------------------------
async function runAgent(task) {
  const bound = model.bindTools(tools);
  const messages = [new HumanMessage(task)];
  for (let turn = 0; turn < 10; turn++) {
    const answer = await bound.invoke(messages);
    messages.push(answer);
    if (answer.tool_calls.length === 0) return messages;
    for (const call of answer.tool_calls) messages.push(await runTool(call));
  }
  throw new Error("The agent did not come to an end.");
}

async function runTool(call) {
  try {
    return await tools.find(({ name }) => name === call.name).invoke(call);
  } catch (error) {
    const refusal = findGuardError(error);
    if (refusal === undefined) throw error;
    return new ToolMessage({ tool_call_id: call.id, status: "error", content: refusal.toModelText() });
  }
}

// --- The guard, which the agent does not see -------------------------------------------------------------------------
const work = await mkdtemp(join(tmpdir(), "sallyport-example-"));
const questions = [];
const guard = await createGuard({
  policy: {
    version: 1,
    services: { crm: { origins: [origin], addresses: ["127.0.0.0/8"] } },
    rules: [
      { id: "read", effect: "allow", service: "crm", methods: ["GET"], path: "/accounts/{id}" },
      { id: "note", effect: "approve", service: "crm", methods: ["POST"], path: "/accounts/{id}/notes" },
    ],
  },
  approvals: {
    request: async (request, control) => {
      questions.push(request);
      return control.approve({ id: "bea", idp: "company-directory" });
    },
  },
  audit: { directory: join(work, "audit") },
});
const session = await guard.openSession({
  principal: { id: "ada", type: "human" },
  agent: { id: "support-agent" },
  purpose: "close account 42",
});

const messages = await session.run(() => runAgent("Please close account 42."));
for (const message of messages) {
  const text = message.text || message.tool_calls.map(({ name }) => `calls ${name}`).join(", ");
  console.log(`${message.type.padEnd(5)} ${text.replaceAll(origin, "https://crm.internal.example")}`);
}

const [account, denial, note] = messages.filter((message) => message.type === "tool").map(({ text }) => text);
assert.equal(account, '{"id":"42","name":"Grace","email":"[REDACTED:EMAIL]","phone":"[REDACTED:PHONE]"}');
assert.match(denial, /DELETE .* was not sent: no rule allows this/);
assert.ok(model.seen[2].includes(denial), "the model sees why it was refused");
assert.equal(note, "The note was added.");
assert.equal(questions.length, 1);
assert.deepEqual(reached, ["GET /accounts/42", "POST /accounts/42/notes"]);

// Outside `session.run` the same tool reaches nothing.
const outside = await readAccount.invoke({ id: "42" }).catch((error) => findGuardError(error));
assert.equal(outside.code, "NO_SESSION");

await guard.close();
crm.close();
await rm(work, { recursive: true });
