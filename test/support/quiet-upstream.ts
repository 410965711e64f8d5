/** An upstream that offers no tool: it stands beside another one, whose names and URIs then carry their prefix. */
import { resultOf, sayJson, startScripted } from './scripted-upstream.ts';

/** Gives its URL. */
export async function startQuiet(): Promise<string> {
  const { url } = await startScripted(
    (message, response) => sayJson(response, resultOf(message, { tools: [], prompts: [], resources: [] })),
    { capabilities: { tools: {} } },
  );
  return url;
}
