using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.Master;
using Mcp.Master.Configuration;
using Mcp.Master.Identity;
using Mcp.Master.Recovery;
using Mcp.Master.Registration;
using Mcp.Master.Snapshots;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>The master: created once, then run.</summary>
internal sealed class MasterCommand(CommandContext context)
{
    /// <summary>Creates a fleet: its certificate authority, its master, and a token for the first operator.</summary>
    /// <param name="domain">trust domain and base of names, as example.net; it cannot change later</param>
    /// <param name="address">host:port at which nodes and operators reach this master</param>
    /// <param name="name">what people call the fleet</param>
    /// <param name="operator">the first operator, an admin</param>
    /// <param name="zone">where internal names lie (default: svc.&lt;domain&gt;)</param>
    /// <param name="allowedDomains">public hostnames must lie under one of these, comma-separated</param>
    /// <param name="home">the master's folder</param>
    [Command("init")]
    public void Init(
        string domain, string address, string name = "fleet", string @operator = "admin", string? zone = null, string? allowedDomains = null,
        string home = "/srv/mcp-master")
    {
        var configuration = MasterConfiguration.At(Path.GetFullPath(home), name, domain, address);
        configuration = configuration with
        {
            Zone = zone ?? configuration.Zone,
            AllowedDomains = [.. (allowedDomains ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)],
        };
        MasterInit.Run(configuration, @operator, context.Clock, created =>
        {
            context.Reporter.Note($"fleet {name} ({domain}) is created in {configuration.Home}.");
            context.Reporter.Note($"Start it:      mcp master run --config {created.ConfigurationFile}");
            context.Reporter.Note($"Then log in:   mcp login {address}");
            context.Reporter.Note($"with this token of operator {created.FirstOperator} on standard input, good once and for one hour:");
            context.Screen.Line(created.Invitation.Token.Reveal());
        });
    }

    /// <summary>Writes what a new machine needs to be this fleet's master: database, certificate authority, configuration. Root's, on the master's machine; the master may run.</summary>
    /// <param name="file">file: what to write, as /mnt/usb/fleet.tar.zst; it holds the fleet's keys</param>
    /// <param name="config">the master's configuration</param>
    /// <param name="overwrite">replace a file that is there</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("backup")]
    public void Backup([Argument] string file, string config = MasterConfigurationReader.DefaultPath, bool overwrite = false, CancellationToken cancel = default)
    {
        var configuration = MasterConfigurationReader.ReadFile(config);
        file = Path.GetFullPath(file);
        if (File.Exists(file) && !overwrite)
            throw new McpException(FaultCode.AlreadyExists, $"{file} is there already") { Hint = $"another name, or mcp master backup {file} --overwrite" };
        if (!File.Exists(configuration.Database))
            throw new McpException(FaultCode.NotFound, $"{config} names the database {configuration.Database}, which does not exist") { Hint = "run this on the master's machine; mcp master init creates a fleet" };
        using var database = MasterDatabase.Open(configuration.Database, context.Clock);
        new MasterState(configuration, database).WriteFile(file, cancel);
        context.Screen.Line($"{file}  {Measures.Bytes(new FileInfo(file).Length)}");
        context.Reporter.Note($"It holds the keys of the fleet {configuration.FleetName}: whoever has it can be its master. Keep it encrypted, and away from this machine.");
        context.Reporter.Note($"Service data is not in it: snapshots lie in {configuration.Snapshots.Folder}.");
        context.Reporter.Note($"On a new machine: mcp master restore {Path.GetFileName(file)} --address <host:port>");
    }

    /// <summary>Makes this machine the master of a fleet whose master is lost, from a file of `mcp master backup`.</summary>
    /// <param name="file">file: the backup</param>
    /// <param name="address">host:port at which nodes and operators reach this master (default: as before)</param>
    /// <param name="home">the master's folder; there must be no fleet in it</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("restore")]
    public void Restore([Argument] string file, string? address = null, string home = "/srv/mcp-master", CancellationToken cancel = default)
    {
        var restored = MasterRestore.Run(Path.GetFullPath(file), home, address, context.Clock, cancel);
        var fleet = restored.Fleet;
        context.Reporter.Note($"fleet {fleet.Name} ({fleet.Domain}) is restored in {Path.GetFullPath(home)}, in term {fleet.Term}, with {restored.Services} services.");
        if (restored.LastEvent is { } last)
            context.Reporter.Note($"The backup knows what happened up to {Timestamp.Format(last)}, {Measures.Span(context.Clock.GetUtcNow() - last)} ago; what the nodes know beyond that is taken from them.");
        foreach (var aside in restored.SetAside)
            context.Reporter.Note($"set aside: {aside}");
        foreach (var listen in restored.Listen.Where(l => !l.StartsWith(':')))
            context.Reporter.Note($"It listens on {listen}: if that is an address of the old machine, change grpc_addr in {restored.ConfigurationFile} first.");
        context.Reporter.Note($"Start it:      mcp master run --config {restored.ConfigurationFile}");
        if (restored.Awaited.Count > 0)
            context.Reporter.Note($"It changes nothing before it has heard {string.Join(", ", restored.Awaited)}; for one that is lost: mcp master accept-missing <node>");
        context.Reporter.Note("Once it runs, nodes obey it alone; should the old master come back, it meets that and ends.");
        context.Reporter.Note($"Nodes find it by themselves. Operators: set the master's address to {fleet.Address} in ~/.config/mcp/mcp.toml.");
    }

    /// <summary>Lets a restored master go on without a node that will not come back; it waits for every other one.</summary>
    /// <param name="node">node: which one is lost</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("accept-missing")]
    public async Task AcceptMissing([Argument] string node, bool yes = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        Confirmation.Require(context, $"go on without {node}? newer data that it may hold is not known until it comes back", link.Fleet, yes, $"mcp master accept-missing {node}");
        var answer = await link.Master.AcceptMissingAsync(new AcceptMissingRequest { Node = node }, context.NewHeaders(), cancellationToken: cancel);
        context.Screen.Line(answer.Awaited.Count == 0 ? "the master waits for no node any more and works as usual" : $"the master still waits for {string.Join(", ", answer.Awaited)}");
    }

    /// <summary>Runs the master until it is told to end; a unit of systemd does this.</summary>
    /// <param name="config">its configuration</param>
    /// <param name="cancel">SIGTERM, Ctrl-C.</param>
    [Command("run")]
    public async Task<int> Run(string config = MasterConfigurationReader.DefaultPath, CancellationToken cancel = default)
    {
        var configuration = MasterConfigurationReader.ReadFile(config);
        using var logging = RoleLogging.Create(context, configuration.LogLevel, configuration.LogFormat);
        using var resting = new RestingMemory(context.Clock);
        try
        {
            return await MasterHost.RunAsync(configuration, logging, cancel);
        }
        catch (McpException e) when (e.Step == TermWatch.Step)
        {
            context.Reporter.Error(e);
            return ExitCode.Outlived;
        }
    }
}
