using Mcp.Errors;
using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Cli.Doctor;

/// <summary>The roles' databases: whose they are, and whether they are sound. They are only read; a running role is not disturbed.</summary>
internal sealed class DatabasesCheck() : DoctorCheck("databases")
{
    private const string Repair = "stop the role, keep the file, put the last good copy in its place: docs/operations.md, A database is damaged";

    /// <inheritdoc/>
    public override async Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var lines = new List<DoctorLine>();
        if (scene.Agent is { } agent)
            lines.Add(await Task.Run(() => Look("agent", agent.Database), cancel));
        if (scene.Master is { } master)
            lines.Add(await Task.Run(() => Look("master", master.Database), cancel));
        return lines;
    }

    private DoctorLine Look(string role, string path)
    {
        if (FileFacts.Of(path) is not { } facts)
        {
            return File.Exists(path) || !FileFacts.CanEnter(Path.GetDirectoryName(path)!)
                ? Warning($"{path} may not be looked at by this user", "run mcp doctor as root, or as the user that the role runs as")
                : role == "agent" ? Ok($"{path} does not exist yet; the agent's first start makes it")
                : Error($"{path} does not exist", "mcp master init makes it; a lost one comes from a backup, never from an empty file (docs/operations.md)");
        }
        if (facts.Owner != FileFacts.EffectiveUser && FileFacts.EffectiveUser != 0)
        {
            return Error($"{path} belongs to user id {facts.Owner}, and this is {FileFacts.EffectiveUser}: a {role} started by this user would be refused, since the containers of one user are invisible to another",
                $"run the role as its owner, and mcp doctor with it: sudo -u '#{facts.Owner}' mcp doctor");
        }
        try
        {
            DatabaseOpening.AssertSqlite();
            // As the role's start does: a log beside the file can hide a damaged first page from SQLite, and not from the role.
            if (new FileInfo(path).Length > 0)
                DatabaseOpening.CheckHeader(path);
            var text = new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false, DefaultTimeout = 5 }.ToString();
            using var connection = new SqliteConnection(text);
            connection.Open();
            connection.Execute("PRAGMA trusted_schema=OFF;");
            var verdict = connection.Scalar<string>("PRAGMA integrity_check(1)");
            return verdict == "ok"
                ? Ok($"{path} is sound{(facts.Owner == 0 ? "" : $", of user id {facts.Owner}")}")
                : Error(SqliteFault.Damaged(path, verdict ?? "integrity_check gave no answer"), Repair);
        }
        catch (McpException e)
        {
            return Error(e, Repair);
        }
        catch (SqliteException e)
        {
            return Error(SqliteFault.From(e, path), Repair);
        }
    }
}
