// Sending the choice. The server takes the tickets; on a refusal we stay here with everything still chosen.

const ANSWER_WITHIN_MS = 20_000;
const NO_CONNECTION = {
  code: "no_connection",
  title: "There is no connection just now.",
  text: "Your choice is still here. Press the button again: nothing is ever reserved twice.",
};
const NO_ANSWER = { ...NO_CONNECTION, code: "no_answer", title: "No answer came in time." };

/** Resolves to null when the browser is on its way to the reservation, else to what was refused. */
export async function reserve(form, button) {
  let response;
  try {
    response = await fetch(form.action, {
      method: "POST",
      body: new FormData(form, button),
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch (error) {
    return error.name === "TimeoutError" ? NO_ANSWER : NO_CONNECTION;
  }
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const answer = isJson ? await response.json().catch(() => null) : null;
  if (response.ok && answer?.location) {
    location.assign(answer.location);
    return null;
  }
  if (answer?.title && answer.seats) return answer;
  if (answer?.detail) return { code: answer.code, title: answer.detail, text: "Your choice is still here.", seats: [] };
  sendAsForm(form, button);
  return null;
}

/** An answer we do not understand is one for a person: let the browser show it. */
function sendAsForm(form, button) {
  const token = document.createElement("input");
  token.type = "hidden";
  token.name = button.name;
  token.value = button.value;
  form.append(token);
  HTMLFormElement.prototype.submit.call(form);
}
