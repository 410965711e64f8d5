/** A Python that has FastMCP: that of MANIFOLD_TEST_PYTHON, or the `python3` of the path. */
import { spawnSync } from 'node:child_process';

const candidates = [process.env['MANIFOLD_TEST_PYTHON'], 'python3'].filter((each) => each !== undefined);

/** Undefined where there is none: then the tests are skipped, and say so. */
export const fastMcpPython = candidates.find((each) => spawnSync(each, ['-c', 'import fastmcp']).status === 0);

if (fastMcpPython === undefined)
  console.warn('Skipped: no python3 with FastMCP (pip install fastmcp in a venv; its python in MANIFOLD_TEST_PYTHON).');
