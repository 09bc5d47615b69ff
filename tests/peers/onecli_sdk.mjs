// OneCLI's own SDK, unmodified, as a consumer: node onecli_sdk.mjs <url> <key> <approve|deny>
// Prints each request that it is asked about; ends with its input.
import { OneCLI } from '@onecli-sh/sdk'

const [url, apiKey, decision] = process.argv.slice(2)
const handle = new OneCLI({ url, apiKey }).configureManualApproval(async request => {
  console.log(JSON.stringify(request))
  return decision
})
process.stdin.on('end', () => { handle.stop(); process.exit(0) }).resume()
