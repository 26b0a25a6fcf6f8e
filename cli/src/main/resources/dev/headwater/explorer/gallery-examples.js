// The examples of the gallery: prompts of the bundled model with circuits. What they say is tried by LiveExplorerTest.

export const SCAN = 'atlas-plt';

/**
 * @typedef {object} Example
 * @property {string} name     of its graph
 * @property {string} title
 * @property {string} prompt
 * @property {string} answer   what the model says
 * @property {string[]} chain  the circuit in a few words
 * @property {string} about
 * @property {{pinnedIds: string[], supernodes: string[][], clerps?: string, headwater?: object}} annotations as files have them
 * @property {import('./tour.js').Step[]} steps
 */

const DALLAS = ' of the state containing Dallas is';

/** @type {Example[]} */
export const EXAMPLES = [
  {
    name: 'example-two-steps',
    title: 'Two steps from Dallas to Austin',
    prompt: 'Fact: the capital' + DALLAS,
    answer: ' Austin',
    chain: ['Dallas', 'Texas', 'say Austin'],
    about: 'The model was never trained on this sentence. Has it the answer by heart, or does it go by way of Texas?',
    annotations: {
      pinnedIds: ['E_5352_9', 'E_3399_4', '7_3913_10'],
      supernodes: [
        ['Texas, at Dallas', '0_94_9', '0_1862_9', '1_696_9'],
        ['capital', '0_1749_4', '1_535_4', '2_500_4'],
        ['Texas, at the end', '2_607_10', '2_1040_10', '3_1683_10', '4_425_10'],
        ['Austin among a few capitals', '3_1932_10', '4_208_10'],
        ['say Austin', '5_1320_10'],
      ],
    },
    steps: [
      {
        at: '#graph-panel',
        title: 'One sentence, two questions',
        text: 'Which state is Dallas in, and what is its capital? Tokens run from left to right, layers from bottom to top. Some of it happens above “ Dallas” and “ capital”, most of it above the last token, where “ Austin” comes out.',
        select: 'output',
        tab: 'subgraph',
      },
      {
        at: '#subgraph-panel',
        title: 'The circuit',
        text: 'Features that matter, grouped by what they stand for. “ Dallas” makes features for Texas fire in its own column; these drive others for Texas at the last token, and those raise “ Austin”. “ capital” comes in from the side.',
        tab: 'subgraph',
      },
      {
        at: '#feature-panel',
        title: 'Why “Texas”?',
        text: 'A name is a claim, and here is what it rests on. This feature of layer 0 fires most on the word “ Texas”, in all kinds of sentences. Here it fires on “ Dallas”: nobody has said Texas.',
        select: '0_1862_9',
        tab: 'subgraph',
      },
      {
        at: '#connections-panel',
        title: 'On to the last token',
        text: 'What drives this feature for Texas at the last token, and what it drives. It hears of Texas from the column of “ Dallas”, by way of attention.',
        select: '2_607_10',
        tab: 'subgraph',
      },
      {
        at: '#subgraph-panel',
        title: 'Is it so?',
        text: 'A graph is a hypothesis. If there are two steps, then a model that nobody asks for the capital should stop after the first: at Texas.',
        tab: 'steer',
        experiment: {label: 'Switch “capital” off', factors: {capital: 0}},
      },
      {
        at: '#scores',
        title: 'How far to trust it',
        text: 'The graph with all its features explains most of the output, this circuit only a part: more features speak for Texas than these. Switch off Texas in Steer, and Austin stays. Turn it round (−1), and it goes.',
        tab: 'subgraph',
      },
    ],
  },
  {
    name: 'example-another-question',
    title: 'The same state, another question',
    prompt: 'Fact: the abbreviation' + DALLAS,
    answer: ' TX',
    chain: ['Dallas', 'Texas', 'say TX'],
    about: 'If features stand for the state, they must do so whatever is asked about it. What if they are changed?',
    annotations: {
      pinnedIds: ['E_5352_9', 'E_4999_4', '7_2711_10'],
      supernodes: [
        ['Texas, at Dallas', '0_94_9', '0_1862_9', '1_696_9'],
        ['abbreviation', '0_654_4', '1_941_4', '2_1577_4'],
        ['Texas, at the end', '2_607_10', '2_1040_10', '3_1683_10', '4_425_10'],
      ],
    },
    steps: [
      {
        at: '#subgraph-panel',
        title: 'The same Texas',
        text: 'At “ Dallas” the same three features as when the capital was asked for, and the same four at the last token. Only “abbreviation” stands where “capital” did. Compare puts both graphs side by side.',
        tab: 'subgraph',
      },
      {
        at: '#subgraph-panel',
        title: 'Which state is it now?',
        text: 'Turned to minus their value, the three features at “ Dallas” make the model say “ Salem” when it is asked for the capital. That is Oregon’s. If the state itself has become Oregon, what is its abbreviation?',
        tab: 'steer',
        experiment: {label: 'Turn Texas round', factors: {'Texas, at Dallas': -1}},
      },
      {
        at: '#subgraph-panel',
        title: 'And another question in its place',
        text: 'The question can be changed as well: “abbreviation” is switched off, and the features for “capital” get the activations that they have in the first example. The sentence still says “abbreviation”.',
        tab: 'steer',
        experiment: {
          label: 'Ask for the capital',
          factors: {abbreviation: 0},
          put: [{example: 'example-two-steps', group: 'capital', factor: 1}],
        },
      },
    ],
  },
  {
    name: 'example-another-state',
    title: 'Another state in its place',
    prompt: 'Fact: the capital of the state containing Oakland is',
    answer: ' Sacramento',
    chain: ['Oakland', 'California', 'say Sacramento'],
    about:
      'The circuit has the same shape with other features. Put Texas where California was, and does the answer follow?',
    annotations: {
      pinnedIds: ['E_5417_9', 'E_3399_4', '7_4497_10'],
      supernodes: [
        ['California, at Oakland', '0_1066_9', '1_2040_9'],
        ['capital', '0_1749_4', '1_535_4'],
        ['California, at the end', '2_83_10', '3_1874_10', '3_1007_10', '4_537_10'],
        ['say Sacramento', '5_827_10'],
      ],
    },
    steps: [
      {
        at: '#subgraph-panel',
        title: 'The same shape',
        text: 'Oakland for Dallas, California for Texas, Sacramento for Austin. “ capital” is the same features as there.',
        tab: 'subgraph',
      },
      {
        at: '#feature-panel',
        title: 'California, not Oakland',
        text: 'This feature fires on cities all over California and on its capital, whatever is said about them: it stands for what they share.',
        select: '0_1066_9',
        tab: 'subgraph',
      },
      {
        at: '#subgraph-panel',
        title: 'Texas for California',
        text: 'California is switched off, and the three features for Texas get the activations that they have at “ Dallas” in the first example. The sentence still says Oakland, and nothing that says a capital is touched.',
        tab: 'steer',
        experiment: {
          label: 'Put Texas in its place',
          factors: {'California, at Oakland': 0, 'California, at the end': 0},
          put: [{example: 'example-two-steps', group: 'Texas, at Dallas', factor: 1}],
        },
      },
    ],
  },
  {
    name: 'example-antonym',
    title: 'The opposite of small, in French',
    prompt: 'Le contraire de "petit" est "',
    answer: 'grand',
    chain: ['petit', 'small', 'say grand'],
    about: 'Three features fire for “small” in English, French, Spanish and German. Does this sentence go by them?',
    annotations: {
      pinnedIds: ['E_4944_5', 'E_4693_2', '7_1443_8'],
      supernodes: [
        ['small, in four languages', '0_1585_8', '1_998_8', '2_101_8'],
        ['small, further up', '4_325_8', '3_597_8'],
      ],
    },
    steps: [
      {
        at: '#subgraph-panel',
        title: 'Small, and its opposite',
        text: 'The opening quotation mark is where it comes together: what is “petit”, and what is its opposite. The graph has many features with a little influence each; these five know the word.',
        tab: 'subgraph',
      },
      {
        at: '#feature-panel',
        title: 'In four languages',
        text: 'English, Spanish and French sentences are among those that this feature fires on, and what it raises are “pequeño”, “petit”, “klein”: words for small and for big, whatever the language.',
        select: '2_101_8',
        tab: 'subgraph',
      },
      {
        at: '#subgraph-panel',
        title: 'Does it matter?',
        text: 'The three features that are common to the languages, turned to minus their value: three of more than a hundred that fire here.',
        tab: 'steer',
        experiment: {label: 'Turn “small” round', factors: {'small, in four languages': -1}},
      },
      {
        at: '#scores',
        title: 'Not everything is shared',
        text: 'In Spanish the same three can be turned round and the answer stays: there the model has other features for it. The notebook “Antonyms in four languages” goes into what crosses from language to language.',
        tab: 'subgraph',
      },
    ],
  },
  {
    name: 'example-addition',
    title: 'Adding 36 and 59',
    prompt: '36+59=',
    answer: '95',
    chain: ['36, 59', 'about 95', 'a vote'],
    about: 'This sum was held back in training. No feature says 95 alone: those for less and those for more settle it.',
    annotations: {
      pinnedIds: ['E_1557_1', 'E_1580_3', '7_1616_4'],
      supernodes: [
        ['both numbers near these', '0_332_4', '0_716_4'],
        ['sums about 95', '3_45_4', '4_1589_4', '4_1998_4', '3_1956_4'],
        ['votes for 95 and more', '5_1676_4', '5_1873_4', '5_1755_4', '5_1784_4', '5_914_4'],
        ['votes for less', '5_730_4', '5_1515_4', '5_1329_4'],
      ],
    },
    steps: [
      {
        at: '#graph-panel',
        title: 'All at the last token',
        text: 'The sum is made at “=”, where both numbers come together in layer 0. Everything above stands in one column.',
        select: 'output',
        tab: 'subgraph',
      },
      {
        at: '#feature-panel',
        title: 'Sums that come to 95',
        text: '26+69, 81+14, 25+70: the sums that this feature fires on most all come to 95. But it fires for 92 and for 98 too, and the numbers that it raises are 94, 93 and 95.',
        select: '5_1676_4',
        tab: 'subgraph',
      },
      {
        at: '#subgraph-panel',
        title: 'A vote',
        text: 'Some features of the last layer raise 95 and more, others what lies below. If the answer is where they meet, it must go up when the lower ones are silent.',
        tab: 'steer',
        experiment: {label: 'Silence the votes for less', factors: {'votes for less': 0}},
      },
      {
        at: '#subgraph-panel',
        title: 'The other side',
        text: 'And down without those for 95 and more.',
        tab: 'steer',
        experiment: {label: 'Silence the votes for more', factors: {'votes for 95 and more': 0}},
      },
    ],
  },
];
