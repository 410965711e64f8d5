/** Tools that show multi-round-trip requests as such (2026-07-28 patterns/mrtr): several questions, several rounds, sealed state. */
import type { CallToolResult, InputRequests, McpServer, RequestStateCodec } from '@modelcontextprotocol/server';
import { acceptedContent, inputRequired, inputResponse } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { capabilitiesOf } from './input-tools.ts';
import { askFor, askModel, askToConfirm } from './questions.ts';

/** What the state of a round holds: which tool asked, and the answers until then. */
export interface RoundState {
  readonly tool: string;
  readonly round: number;
  readonly name?: string;
}

const named = z.object({ name: z.string() });

export function offerRoundTripTools(server: McpServer, states: RequestStateCodec<RoundState>): void {
  offerSingleQuestions(server);
  offerSealedState(server, states);

  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description: 'Asks three at once' },
    async (context) => {
      const { inputResponses: answers } = context.mcpReq;
      const who = acceptedContent(answers, 'user_name', named);
      const isWhole =
        who !== undefined &&
        inputResponse(answers, 'greeting').kind === 'sampling' &&
        inputResponse(answers, 'client_roots').kind === 'roots';
      if (isWhole) return said(`All inputs received from ${who.name}.`);
      return inputRequired({
        inputRequests: {
          user_name: askFor('What is your name?', 'name'),
          greeting: askModel('Generate a greeting', 50),
          client_roots: inputRequired.listRoots(),
        },
        requestState: await states.mint({ tool: 'multiple_inputs', round: 1 }, context),
      });
    },
  );

  server.registerTool('test_input_required_result_multi_round', { description: 'Asks twice' }, async (context) => {
    const state = context.mcpReq.requestState<RoundState>();
    const colour = acceptedContent(context.mcpReq.inputResponses, 'step2', z.object({ color: z.string() }));
    if (state?.round === 2 && colour !== undefined) return said(`${state.name} likes ${colour.color}.`);
    const who = acceptedContent(context.mcpReq.inputResponses, 'step1', named);
    if (state?.round === 1 && who !== undefined) {
      return inputRequired({
        inputRequests: { step2: askFor('Step 2: What is your favorite color?', 'color') },
        requestState: await states.mint({ tool: 'multi_round', round: 2, name: who.name }, context),
      });
    }
    return inputRequired({
      inputRequests: { step1: askFor('Step 1: What is your name?', 'name') },
      requestState: await states.mint({ tool: 'multi_round', round: 1 }, context),
    });
  });

  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'Asks what the client can' },
    (context) => {
      const can = capabilitiesOf(server, context);
      const { inputResponses: answers = {} } = context.mcpReq;
      const inputRequests: InputRequests = {
        ...(can.elicitation === undefined ? {} : { user_name: askFor('What is your name?', 'name') }),
        ...(can.sampling === undefined ? {} : { greeting: askModel('Generate a greeting', 50) }),
        ...(can.roots === undefined ? {} : { client_roots: inputRequired.listRoots() }),
      };
      const isAnswered = Object.keys(inputRequests).every((key) => inputResponse(answers, key).kind !== 'missing');
      return isAnswered ? said('Asked for nothing more than the client can do.') : inputRequired({ inputRequests });
    },
  );
}

function offerSingleQuestions(server: McpServer): void {
  server.registerTool('test_input_required_result_elicitation', { description: 'Asks for a name' }, (context) => {
    const who = acceptedContent(context.mcpReq.inputResponses, 'user_name', named);
    if (who !== undefined) return said(`Hello, ${who.name}!`);
    return inputRequired({ inputRequests: { user_name: askFor('What is your name?', 'name') } });
  });
  server.registerTool('test_input_required_result_sampling', { description: 'Asks a model' }, (context) => {
    const answer = inputResponse(context.mcpReq.inputResponses, 'capital_question');
    if (answer.kind === 'sampling') return said(JSON.stringify(answer.result.content));
    return inputRequired({ inputRequests: { capital_question: askModel('What is the capital of France?', 100) } });
  });
  server.registerTool('test_input_required_result_list_roots', { description: 'Asks for the roots' }, (context) => {
    const answer = inputResponse(context.mcpReq.inputResponses, 'client_roots');
    if (answer.kind === 'roots') return said(`Roots: ${answer.roots.map(({ uri }) => uri).join(', ')}`);
    return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  });
}

/* The codec refuses a state that was not minted here before the tool is called: -32602. */
function offerSealedState(server: McpServer, states: RequestStateCodec<RoundState>): void {
  for (const tool of ['request_state', 'tampered_state']) {
    server.registerTool(`test_input_required_result_${tool}`, { description: 'Asks with state' }, async (context) => {
      const answer = inputResponse(context.mcpReq.inputResponses, 'confirm');
      if (answer.kind === 'elicit' && context.mcpReq.requestState<RoundState>()?.tool === tool) return said('state-ok');
      return inputRequired({
        inputRequests: { confirm: askToConfirm('Please confirm') },
        requestState: await states.mint({ tool, round: 1 }, context),
      });
    });
  }
}

function said(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] };
}
