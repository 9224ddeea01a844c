using Mcp.Errors;
using Mcp.Toml;

namespace Mcp.Tests.Toml;

/// <summary>One value changes; every other byte stays.</summary>
public class TomlEditTests
{
    private const string Text = """
        # The master.
        [server]
        grpc_addr = [":9555"]
        address = "10.0.0.1:9555"   # where agents dial   

        [fleet]
        name = "home"

        """;

    [Test]
    public async Task A_value_is_replaced_and_all_else_stays() =>
        await Assert.That(TomlEdit.Set("f.toml", Text, "server", "address", "10.9.9.9:9555")).IsEqualTo(Text.Replace("10.0.0.1", "10.9.9.9", StringComparison.Ordinal));

    [Test]
    public async Task A_list_is_replaced_by_a_string()
    {
        var edited = TomlEdit.Set("f.toml", "[server]\ngrpc_addr = [\":9555\"] # all\naddress = \"a:1\"\n", "server", "grpc_addr", ":1");
        await Assert.That(edited).IsEqualTo("[server]\ngrpc_addr = \":1\" # all\naddress = \"a:1\"\n");
    }

    [Test]
    public async Task A_key_that_is_not_there_is_added_to_its_table()
    {
        var edited = TomlEdit.Set("f.toml", "[server]\ngrpc_addr = [\":9555\"]\n[fleet]\nname = \"home\"\n", "server", "address", "a\"b");
        var document = TomlText.Read("f.toml", edited);
        await Assert.That(document.Root.Table("server").OptionalString("address")).IsEqualTo("a\"b").Because(edited);
        await Assert.That(document.Root.Table("fleet").OptionalString("name")).IsEqualTo("home").Because(edited);
    }

    [Test]
    public async Task What_is_not_TOML_or_has_no_such_table_is_refused()
    {
        await Assert.That(() => TomlEdit.Set("f.toml", "[server", "server", "address", "x")).Throws<McpException>();
        await Assert.That(() => TomlEdit.Set("f.toml", "[fleet]\n", "server", "address", "x")).Throws<McpException>();
    }
}
