import { Client } from '@notionhq/client'
const notion = new Client({ auth: 'k', baseUrl: process.argv[2] })
const page = await notion.pages.create({ parent: { page_id: 'p1' }, properties: {} })
console.log(page.id)
