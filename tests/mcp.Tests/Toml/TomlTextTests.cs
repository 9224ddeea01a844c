using Mcp.Errors;
using Mcp.Toml;

namespace Mcp.Tests.Toml;

/// <summary>What is wrong with a text is said once, all of it, at the right place and in plain words.</summary>
internal sealed class TomlTextTests
{
    [Test]
    [Arguments("a = 1\nb = \nc = 'x'\n", "2:")]
    [Arguments("a = \"open\nb = 1\n", "1:")]
    [Arguments("[t\nd = 1\n", "1:")]
    [Arguments("a = 1 b = 2\n", "1:")]
    [Arguments("= 3\n", "1:")]
    [Arguments("a = TRUE\n", "1:")]
    [Arguments("a = [1 2]\n", "1:")]
    [Arguments("a = [1,\nb = 3\nc = 4\n", "1:")]
    [Arguments("x = 1\na = \"\"\"\nnever\nclosed\n", "2:")]
    [Arguments("a = \"\\q\"\n", "1:")]
    [Arguments("a = \"x\0y\"\n", "1:")]
    [Arguments("a = 99999999999999999999\n", "1:")]
    [Arguments("a = 2026-99-99\n", "1:")]
    [Arguments("a = 1\na = 2\n", "2:1: a:")]
    [Arguments("[t]\nx = 1\n[t]\ny = 1\n", "3:2: t:")]
    [Arguments("a = {x = 1, x = 2}\n", "1:13: a.x:")]
    [Arguments("a.b = 1\na.b.c = 2\n", "2:1: a.b:")]
    [Arguments("a = {}\n[a.b]\n", "2:2: a:")]
    [Arguments("a = []\n[[a]]\n", "2:3: a:")]
    [Arguments("[a]\n[[a]]\n", "2:3: a:")]
    public async Task One_mistake_is_one_problem_at_its_place(string text, string place)
    {
        var document = TomlText.Read("f.toml", text);
        await Assert.That(document.Problems).HasSingleItem();
        await Assert.That(document.Problems[0].ToString()).StartsWith("f.toml:" + place);
        await Assert.That(document.Problems[0].Message).DoesNotContain("token");
    }

    [Test]
    public async Task Every_syntax_error_of_a_text_is_reported_and_what_stands_between_them_is_read()
    {
        var document = TomlText.Read("f.toml", """
            a = 1
            b =
            c = "open
            d = 4
            [t
            e = 5
            f = [1, 2
            g = 7
            """);
        await Assert.That(document.Problems.Select(p => p.Line)).IsEquivalentTo([2, 3, 5, 7]);
        await Assert.That(document.Root.Integer("a", 0, 0, 9)).IsEqualTo(1);
        await Assert.That(document.Root.Integer("d", 0, 0, 9)).IsEqualTo(4);
        var table = document.Root.Table("t");
        await Assert.That(table.Integer("e", 0, 0, 9)).IsEqualTo(5);
        await Assert.That(table.Integer("g", 0, 0, 9)).IsEqualTo(7);
        // A broken line's key is there; nothing more is said about it.
        await Assert.That(document.Root.RequiredString("b")).IsEqualTo("");
        await Assert.That(document.Problems).Count().IsEqualTo(4);
    }

    [Test]
    [Arguments("a = ", '[')]
    [Arguments("a = [[[\n", '[')]
    [Arguments("x = 1\na = {b=", '{')]
    public async Task Deep_nesting_is_one_problem_and_not_a_crash(string start, char bracket)
    {
        var deep = string.Concat(Enumerable.Repeat(bracket == '[' ? "[" : "{a=", 100_000));
        var document = TomlText.Read("f.toml", start + deep);
        await Assert.That(document.Problems).HasSingleItem();
        await Assert.That(document.Problems[0].Message).Contains("nested");
        await Assert.That(document.IsWellFormed).IsFalse();
    }

    [Test]
    public async Task Deep_dotted_keys_and_headers_are_refused()
    {
        var key = string.Join('.', Enumerable.Repeat("a", 50_000));
        var document = TomlText.Read("f.toml", $"{key} = 1\n[{key}]\nx = 1\n");
        await Assert.That(document.Problems.Select(p => p.Line)).IsEquivalentTo([1, 2]);
    }

    [Test]
    public async Task Getters_say_what_is_there_and_what_is_needed()
    {
        var document = TomlText.Read("f.toml", """
            s = 1
            d = 30
            e = "5 parsecs"
            b = "true"
            p = 70000
            l = ["x", 2]
            c = "blue"
            t = "no table"
            """);
        var root = document.Root;
        root.OptionalString("s");
        root.OptionalDuration("d");
        root.OptionalDuration("e");
        root.OptionalBool("b");
        root.OptionalPort("p");
        root.StringList("l");
        root.Choice("c", "red", "red", "green");
        root.OptionalTable("t");
        root.RequiredString("missing");
        await Assert.That(document.Problems.Select(p => p.ToString())).IsEquivalentTo([
            "f.toml:1:1: missing: is missing",
            "f.toml:1:5: s: is a number; a string in quotes is needed",
            "f.toml:2:5: d: is a number; a number with a unit, as \"500ms\", \"2s\", \"1m30s\", \"12h\" or \"7d\", is needed",
            "f.toml:3:5: e: \"5 parsecs\" is not a duration; it is a number with a unit, as \"500ms\", \"2s\", \"1m30s\", \"12h\" or \"7d\"",
            "f.toml:4:5: b: is a string; true or false without quotes is needed",
            "f.toml:5:5: p: is 70000; allowed are 1 to 65535",
            "f.toml:6:11: l[1]: is a number; a string in quotes is needed",
            "f.toml:7:5: c: is \"blue\"; allowed are \"red\", \"green\"",
            "f.toml:8:5: t: is a string; a table [t] is needed",
        ]);
    }

    [Test]
    public async Task Unknown_keys_are_problems_at_any_depth_and_name_the_nearest()
    {
        var document = TomlText.Read("f.toml", """
            nmae = "x"
            old = {anything = {goes = 1}}
            [server]
            adress = ":1"
            [[nodes]]
            name = "a"
            [[nodes]]
            colour = "red"
            """);
        document.Root.OptionalString("name");
        document.Root.NotUsed("old", "is not used any more");
        document.Root.Table("server").OptionalString("address");
        foreach (var node in document.Root.ArrayOfTables("nodes"))
            node.OptionalString("name");
        document.RejectUnknown();
        await Assert.That(document.Problems.Select(p => p.ToString())).IsEquivalentTo([
            "f.toml:1:1: nmae: is not a key here; did you mean name? The keys are name, old, server, nodes",
            "f.toml:4:1: server.adress: is not a key here; did you mean address? The keys are address",
            "f.toml:8:1: nodes[1].colour: is not a key here; the keys are name",
        ]);
        await Assert.That(document.Warnings.Single().ToString()).IsEqualTo("f.toml:2:1: old: is not used any more");
    }

    [Test]
    public async Task Inline_and_dotted_forms_read_like_headers()
    {
        var document = TomlText.Read("f.toml", """
            server.addr = ["one", "two"]
            nodes = [{name = "a"}, {name = "b"}]
            "quoted" = 'x'
            """);
        await Assert.That(document.Root.Table("server").StringOrList("addr")).IsEquivalentTo(["one", "two"]);
        await Assert.That(document.Root.ArrayOfTables("nodes").Select(n => n.RequiredString("name"))).IsEquivalentTo(["a", "b"]);
        await Assert.That(document.Root.OptionalString("quoted")).IsEqualTo("x");
        document.RejectUnknown();
        await Assert.That(document.Problems).IsEmpty();
    }

    [Test]
    public async Task Columns_count_characters_and_messages_are_printable()
    {
        var document = TomlText.Read("f.toml", "e = \"😀\" x\n\"a\u202eb\" = 1\n");
        document.Root.OptionalString("e");
        document.RejectUnknown();
        await Assert.That(document.Problems[0].Column).IsEqualTo(9);
        await Assert.That(document.Problems[1].Key).IsEqualTo("\"a\\u{202e}b\"");
    }

    [Test]
    public async Task Problems_are_thrown_together()
    {
        var document = TomlText.Read("f.toml", "a = 1\na = 2\nb =\n");
        var thrown = Assert.Throws<McpException>(() => document.ThrowIfWrong("the configuration"));
        await Assert.That(thrown!.Message).IsEqualTo("the configuration has 2 mistakes");
        await Assert.That(thrown.Problems).Count().IsEqualTo(2);
    }
}
