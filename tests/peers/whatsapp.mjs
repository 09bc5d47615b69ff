// Reads WhatsApp messages as a JSON list and prints them as npm's whatsapp-api-js makes them of the same words: it knows
// their shapes and throws what is over a limit. node whatsapp.mjs < messages.json
import { readFileSync } from 'node:fs'
import {
  ActionButtons, Body, BodyComponent, BodyParameter, Button, Footer, Header, Interactive, PayloadComponent, Template, Text
} from 'whatsapp-api-js/messages'

const made = {
  text: ({ body, preview_url }) => new Text(body, preview_url),
  interactive: ({ header, body, footer, action }) => new Interactive(
    new ActionButtons(...action.buttons.map(({ reply }) => new Button(reply.id, reply.title))),
    new Body(body.text), header && new Header(header.text), new Footer(footer.text)),
  template: ({ name, language, components }) => new Template(name, language.code, ...components.map((one) =>
    one.type === 'body'
      ? new BodyComponent(...one.parameters.map(({ text }) => new BodyParameter(text)))
      : new PayloadComponent(one.parameters[0].payload)))
}
const messages = JSON.parse(readFileSync(0, 'utf8'))
console.log(JSON.stringify(messages.map(({ type, ...rest }) => ({ type, [type]: made[type](rest[type]) }))))
