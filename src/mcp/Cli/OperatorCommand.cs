using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>The people who may work with the fleet.</summary>
internal sealed class OperatorCommand(CommandContext context)
{
    /// <summary>Invites a person, or a machine that deploys: prints a token for 'mcp login', good once and for one hour.</summary>
    /// <param name="name">name: how the person is called in the audit</param>
    /// <param name="role">admin, deploy or read</param>
    /// <param name="services">with role deploy: only these, comma-separated</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("add")]
    public async Task Add([Argument] string name, string role = "admin", string? services = null, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var request = new OperatorAddRequest { Name = name, Role = role };
        request.Services.AddRange((services ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        var answer = await link.Master.OperatorAddAsync(request, context.NewHeaders(), cancellationToken: cancel);
        context.Reporter.Note($"{name} may log in as {role} until {answer.Expires}. On that person's machine, with the token on standard input:");
        context.Reporter.Note($"  mcp login {answer.MasterAddress}");
        context.Screen.Line(answer.Token);
    }

    /// <summary>Takes a person's access away at once: certificates are revoked and open connections cut.</summary>
    /// <param name="name">name: who</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("remove")]
    public async Task Remove([Argument] string name, bool yes = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        Confirmation.Require(context, $"remove operator {name} and revoke every certificate of {name}?", link.Fleet, yes, $"mcp operator remove {name}");
        await link.Master.OperatorRemoveAsync(new OperatorRemoveRequest { Name = name }, context.NewHeaders(), cancellationToken: cancel);
        context.Screen.Line($"operator {name} is removed and revoked");
    }

    /// <summary>Lists who may do what.</summary>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("list")]
    public async Task List(bool json = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var answer = await link.Master.OperatorListAsync(new OperatorListRequest(), cancellationToken: cancel);
        if (json)
        {
            var people = answer.Operators.Select(o => new OperatorDocument(o.Name, o.Role, [.. o.Services], o.State, o.LastSeen, o.CertificateExpires));
            context.Screen.Json(new OperatorsDocument([.. people]), CliJson.Default.OperatorsDocument);
            return;
        }
        var listing = new Listing("OPERATOR", "ROLE", "SERVICES", "STATE", "LAST SEEN", "CERTIFICATE");
        foreach (var o in answer.Operators)
        {
            listing.Add(
                o.Name, o.Role, o.Services.Count == 0 ? "all" : string.Join(", ", o.Services), Cell.State(o.State), Measures.Ago(o.LastSeen, context.Clock),
                Measures.Left(o.CertificateExpires, context.Clock));
        }
        context.Screen.Table(listing, "no operators; mcp operator add <name>");
    }
}
