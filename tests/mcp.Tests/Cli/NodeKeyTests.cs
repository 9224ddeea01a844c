using Mcp.Cli.Configuration;

namespace Mcp.Tests.Cli;

/// <summary>The pin of a definition follows a service that moved, and nothing else of the file changes.</summary>
public class NodeKeyTests
{
    [Test]
    public async Task The_pin_changes_and_everything_else_stays()
    {
        const string text = "# mine\nname = \"a\"\nnode = 'orion'   # near the disk\n\n[[components]]\nname = \"a\"\nnode = \"x\"\n";
        await Assert.That(NodeKey.Set(text, "vega", "f")).IsEqualTo(text.Replace("'orion'", "\"vega\""));
        await Assert.That(NodeKey.Set("name = \"a\"\n", "vega", "f")).IsEqualTo("name = \"a\"\n").Because("a service without a pin is placed where its data is");
    }
}
