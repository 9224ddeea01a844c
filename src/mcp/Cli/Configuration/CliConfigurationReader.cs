using Mcp.Errors;
using Mcp.Toml;

namespace Mcp.Cli.Configuration;

/// <summary>Reads <c>mcp.toml</c>; all mistakes at once, with line and column.</summary>
internal static class CliConfigurationReader
{
    private const string Later = "the provider mcias is not built yet; this fleet's own certificates are used";

    /// <summary>Reads the configuration of <paramref name="folder"/>.</summary>
    /// <exception cref="McpException">There is none, others may write it, or it is wrong.</exception>
    public static CliConfiguration Read(ConfigurationFolder folder)
    {
        folder.Check();
        if (!folder.Exists)
        {
            throw new McpException(FaultCode.NotFound, $"this machine is not logged in to fleet '{folder.Fleet}': {folder.ConfigFile} does not exist")
            {
                Hint = "mcp login <master-address>   (the token comes from 'mcp operator add'; to try everything on this machine: mcp dev)",
            };
        }
        return Read(folder, TomlText.ReadFile(folder.ConfigFile));
    }

    /// <summary>Reads an opened document.</summary>
    /// <exception cref="McpException">It is wrong.</exception>
    internal static CliConfiguration Read(ConfigurationFolder folder, TomlDocument document)
    {
        var master = document.Root.Table("master").RequiredString("address");
        var nodes = document.Root.ArrayOfTables("nodes").Select(ReadNode).ToList();
        var trust = document.Root.Table("tls").String("ca_cert", folder.TrustFile);

        var auth = document.Root.Table("auth");
        var credential = auth.String("cert", folder.CredentialFile);
        var key = auth.OptionalString("key");
        if (key is not null && key != credential)
            auth.AddProblem("key", "must be the file of cert: key and chain are one PEM file, so that no crash can tear them apart");
        auth.NotUsed("token_path", Later);

        var mcias = document.Root.Table("mcias");
        mcias.NotUsed("server_url", Later);
        mcias.NotUsed("service_name", Later);

        var services = document.Root.Table("services").String("dir", "services");
        foreach (var twice in nodes.GroupBy(n => n.Name).Where(g => g.Count() > 1))
            document.AddProblem("nodes", $"node '{twice.Key}' is there {twice.Count()} times");
        document.RejectUnknown();
        document.ThrowIfWrong($"the configuration {folder.ConfigFile} cannot be used");

        return new CliConfiguration
        {
            Folder = folder,
            MasterAddress = master,
            Nodes = nodes,
            TrustFile = Absolute(folder, trust),
            CredentialFile = Absolute(folder, credential),
            ServicesFolder = Absolute(folder, services),
        };
    }

    private static DirectNode ReadNode(TomlTable table) =>
        new(table.RequiredString("name"), [table.RequiredString("address"), .. table.StringList("fallbacks")]);

    /// <summary>Paths are relative to the folder, so that it can be moved or mounted elsewhere.</summary>
    private static string Absolute(ConfigurationFolder folder, string path) => Path.GetFullPath(Path.Combine(folder.Path, path));
}
