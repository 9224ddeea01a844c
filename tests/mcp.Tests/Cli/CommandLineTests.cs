using Mcp.Cli;

namespace Mcp.Tests.Cli;

/// <summary>The framework's statics (log, exit code) are one a process, so these run one after another.</summary>
[NotInParallel("command line")]
public class CommandLineTests
{
    [Test]
    [Arguments("dpeloy notes", "did you mean 'deploy'")]
    [Arguments("frobnicate", "'frobnicate' is not a command")]
    [Arguments("deploy", "needs <service[/component]>")]
    [Arguments("deploy notes extra", "does not take 'extra'")]
    [Arguments("deploy notes --pul", "did you mean '--pull'")]
    [Arguments("deploy notes --pull=true", "does not take 'true'")]
    [Arguments("deploy notes --file", "--file needs a value")]
    [Arguments("deploy notes --pull --pull", "is given twice")]
    [Arguments("node", "needs one of: ")]
    [Arguments("node ad", "did you mean 'add'")]
    [Arguments("node frobnicate", "it has: ")]
    [Arguments("plan notes --jso", "did you mean '--json'")]
    [Arguments("sync --yes-remove", "--yes-remove needs a value")]
    [Arguments("ca show extra", "does not take 'extra'")]
    [Arguments("route list extra", "does not take 'extra'")]
    [Arguments("master init", "needs --domain")]
    [Arguments("rollback notes first", "'generation' failed to parse")]
    [Arguments("events -n ant", "failed to parse")]
    [Arguments("completion ksh", "no completion for 'ksh'")]
    [Arguments("--json list", "the command comes first")]
    [Arguments("list --fleet", "--fleet needs a value")]
    [Arguments("list --fleet=", "--fleet needs a value")]
    [Arguments("help frobnicate", "is not a command")]
    public async Task A_wrong_command_line_exits_1_and_says_on_standard_error_what_to_type(string line, string said)
    {
        using var bench = new CliBench();
        var code = await bench.RunAsync(line.Split(' '));
        await Assert.That(bench.Error).Contains(said);
        await Assert.That(bench.Error).Contains("next: mcp ").And.DoesNotContain("defect");
        await Assert.That(code).IsEqualTo(1);
        await Assert.That(bench.Out).IsEqualTo("");
    }

    [Test]
    [Arguments("", "Usage: mcp <command>")]
    [Arguments("help", "Usage: mcp <command>")]
    [Arguments("--help", "Usage: mcp <command>")]
    [Arguments("help node", "cordon")]
    [Arguments("node --help", "cordon")]
    [Arguments("help node add", "Usage: mcp node add <name>")]
    [Arguments("deploy --help", "Usage: mcp deploy <service[/component]>")]
    [Arguments("deploy notes -h", "--without-routes")]
    [Arguments("version", "0.")]
    public async Task Help_goes_to_standard_output_and_exits_0(string line, string said)
    {
        using var bench = new CliBench();
        var code = await bench.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        await Assert.That(bench.Out).Contains(said);
        await Assert.That(bench.Error).IsEqualTo("");
        await Assert.That(code).IsEqualTo(0);
    }

    [Test]
    [Arguments("service new notes --image=registry.example.net/notes:v1 --port=8080")]
    [Arguments("service new notes --image registry.example.net/notes:v1 --port 8080")]
    [Arguments("service new --port 8080 --image=registry.example.net/notes:v1 notes")]
    public async Task Options_work_with_a_space_and_with_an_equals_sign_before_and_after_arguments(string line)
    {
        using var bench = new CliBench();
        LoggedIn(bench.Folder, "default");
        await Assert.That(await bench.RunAsync(line.Split(' '))).IsEqualTo(0);
        var text = await File.ReadAllTextAsync(Path.Combine(bench.Folder, ".config/mcp/default/services/notes.toml"));
        await Assert.That(text).Contains("registry.example.net/notes:v1");
        await Assert.That(text).Contains("container_port = 8080");
    }

    [Test]
    public async Task The_fleet_is_chosen_before_or_after_the_verb()
    {
        using var bench = new CliBench();
        LoggedIn(bench.Folder, "other");
        await Assert.That(await bench.RunAsync("--fleet=other", "service", "new", "notes")).IsEqualTo(0);
        await Assert.That(await bench.RunAsync("service", "new", "memos", "--fleet", "other")).IsEqualTo(0);
        await Assert.That(Directory.GetFiles(Path.Combine(bench.Folder, ".config/mcp/other/services")).Length).IsEqualTo(2);
    }

    [Test]
    public async Task Without_a_configuration_the_next_command_is_login()
    {
        using var bench = new CliBench();
        await Assert.That(await bench.RunAsync("ca", "show")).IsEqualTo(1);
        await Assert.That(bench.Error).Contains("next: mcp login");
    }

    [Test]
    public async Task Every_command_has_a_group_in_the_overview_and_words_for_each_argument_and_option()
    {
        var catalogue = new CommandCatalogue(Program.Verbs());
        var grouped = CommandHelp.Groups.SelectMany(g => g.Verbs).ToList();
        foreach (var name in catalogue.Names)
        {
            await Assert.That(grouped.Count(v => v == name.Split(' ')[0])).IsEqualTo(1);
            var shape = catalogue.Shape(name);
            await Assert.That(shape.Description).EndsWith(".");
            foreach (var argument in shape.Arguments)
                await Assert.That(argument.Name.Contains(' ')).IsFalse();
            foreach (var option in shape.Options)
                await Assert.That(option.Description).IsNotEqualTo("");
        }
    }

    [Test]
    public async Task Every_reading_command_prints_json()
    {
        var catalogue = new CommandCatalogue(Program.Verbs());
        string[] reading = ["plan", "ps", "list", "status", "logs", "events", "watch", "history", "route list", "cert list", "ca show", "node list", "operator list", "data list", "service show"];
        foreach (var name in reading)
            await Assert.That(catalogue.Shape(name).Options.Any(o => o.Long == "--json")).IsTrue();
    }

    [Test]
    [Arguments("bash")]
    [Arguments("zsh")]
    [Arguments("fish")]
    public async Task Completion_knows_every_verb_and_option(string shell)
    {
        using var bench = new CliBench();
        await Assert.That(await bench.RunAsync("completion", shell)).IsEqualTo(0);
        var catalogue = new CommandCatalogue(Program.Verbs());
        foreach (var name in catalogue.Names)
        {
            foreach (var word in name.Split(' '))
                await Assert.That(bench.Out).Contains(word);
            foreach (var option in catalogue.Shape(name).Options)
                await Assert.That(bench.Out).Contains(shell == "fish" ? $"-l {option.Long[2..]}" : option.Long);
        }
    }

    [Test]
    public async Task The_documentation_names_every_command_and_option()
    {
        var text = await File.ReadAllTextAsync(Documentation());
        var catalogue = new CommandCatalogue(Program.Verbs());
        foreach (var name in catalogue.Names)
        {
            var start = text.IndexOf($"### mcp {name}\n", StringComparison.Ordinal);
            await Assert.That(start >= 0).IsTrue().Because($"docs/cli.md has no section '### mcp {name}'");
            var end = text.IndexOf("\n### ", start + 1, StringComparison.Ordinal);
            var section = text[start..(end < 0 ? text.Length : end)];
            foreach (var option in catalogue.Shape(name).Options)
                await Assert.That(section).Contains(option.Long);
        }
    }

    private static void LoggedIn(string home, string fleet)
    {
        var folder = Path.Combine(home, ".config/mcp", fleet);
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllText(Path.Combine(folder, "mcp.toml"), "[master]\naddress = \"127.0.0.1:9555\"\n");
    }

    private static string Documentation([System.Runtime.CompilerServices.CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/cli.md"));
}
