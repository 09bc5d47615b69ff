const answer = await fetch(process.argv[2], { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } })
console.log(answer.status)
