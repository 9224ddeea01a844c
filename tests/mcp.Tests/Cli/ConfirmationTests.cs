using Mcp.Cli;
using Mcp.Errors;

namespace Mcp.Tests.Cli;

public class ConfirmationTests
{
    [Test]
    public async Task Without_a_terminal_it_must_have_been_said()
    {
        using var bench = new CliBench("y\n");
        var e = Assert.Throws<McpException>(() => Confirmation.Require(bench.Context, "undeploy notes?", "home", yes: false, "mcp undeploy notes"));
        await Assert.That(e.Hint).IsEqualTo("mcp undeploy notes --yes");
        await Assert.That(e.Message).Contains("home");
        Confirmation.Require(bench.Context, "undeploy notes?", "home", yes: true, "mcp undeploy notes");
    }

    [Test]
    [Arguments("y", true)]
    [Arguments("yes", true)]
    [Arguments("", false)]
    [Arguments("n", false)]
    [Arguments("yeah, no", false)]
    public async Task On_a_terminal_the_question_names_the_fleet_and_only_yes_is_yes(string answer, bool passes)
    {
        using var bench = new CliBench(answer + "\n", terminal: true);
        var passed = true;
        try
        {
            Confirmation.Require(bench.Context, "undeploy notes?", "home", yes: false, "mcp undeploy notes");
        }
        catch (McpException)
        {
            passed = false;
        }
        await Assert.That(passed).IsEqualTo(passes);
        await Assert.That(bench.Error).Contains("Fleet home: undeploy notes? [y/N]");
    }

    [Test]
    public async Task To_erase_data_the_name_is_typed_and_a_yes_is_not_enough()
    {
        using var right = new CliBench("notes\n", terminal: true);
        await Assert.That(Confirmation.RequireName(right.Context, "erase", "notes", "home", null, "mcp data purge notes")).IsEqualTo("notes");
        using var wrong = new CliBench("yes\n", terminal: true);
        await Assert.That(() => Confirmation.RequireName(wrong.Context, "erase", "notes", "home", null, "c")).Throws<McpException>();
        using var nobody = new CliBench("notes\n");
        var e = Assert.Throws<McpException>(() => Confirmation.RequireName(nobody.Context, "erase", "notes", "home", null, "mcp data purge notes"));
        await Assert.That(e.Hint).IsEqualTo("mcp data purge notes --confirm notes");
        await Assert.That(Confirmation.RequireName(nobody.Context, "erase", "notes", "home", "notes", "c")).IsEqualTo("notes");
        await Assert.That(() => Confirmation.RequireName(nobody.Context, "erase", "notes", "home", "note", "c")).Throws<McpException>();
    }
}
