using System.Text.Json.Serialization;

namespace Mcp.Podman;

/// <summary>What podman is sent; read answers with <see cref="JsonText"/>.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Serialization, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CreateBody))]
[JsonSerializable(typeof(ExecBody))]
[JsonSerializable(typeof(ExecStartBody))]
[JsonSerializable(typeof(NetworkBody))]
[JsonSerializable(typeof(AuthBody))]
[JsonSerializable(typeof(Dictionary<string, string[]>))]
internal sealed partial class PodmanJson : JsonSerializerContext;

/// <summary>libpod's SpecGenerator (pkg/specgen/specgen.go in podman 4), as far as it is used.</summary>
internal sealed class CreateBody
{
    [JsonPropertyName("name")] public required string Name { get; init; }
    [JsonPropertyName("image")] public required string Image { get; init; }
    [JsonPropertyName("command")] public IReadOnlyList<string>? Command { get; init; }
    [JsonPropertyName("env")] public required IReadOnlyDictionary<string, string> Env { get; init; }
    [JsonPropertyName("labels")] public required IReadOnlyDictionary<string, string> Labels { get; init; }
    [JsonPropertyName("user")] public string? User { get; init; }
    [JsonPropertyName("mounts")] public IReadOnlyList<MountBody>? Mounts { get; init; }
    [JsonPropertyName("image_volume_mode")] public required string ImageVolumeMode { get; init; }
    [JsonPropertyName("netns")] public required NamespaceBody NetworkNamespace { get; init; }
    [JsonPropertyName("Networks")] public IReadOnlyDictionary<string, PerNetworkBody>? Networks { get; init; }
    [JsonPropertyName("portmappings")] public IReadOnlyList<PortBody>? Ports { get; init; }
    [JsonPropertyName("restart_policy")] public required string RestartPolicy { get; init; }
    [JsonPropertyName("restart_tries")] public uint? RestartTries { get; init; }
    [JsonPropertyName("stop_timeout")] public required uint StopTimeout { get; init; }
    [JsonPropertyName("sdnotifyMode")] public required string SdNotifyMode { get; init; }
    [JsonPropertyName("log_configuration")] public required LogBody Log { get; init; }
    [JsonPropertyName("healthconfig")] public required HealthBody Health { get; init; }
}

internal sealed record MountBody(
    [property: JsonPropertyName("type")] string Type,
    [property: JsonPropertyName("source")] string? Source,
    [property: JsonPropertyName("destination")] string Destination,
    [property: JsonPropertyName("options")] IReadOnlyList<string> Options);

internal sealed record NamespaceBody([property: JsonPropertyName("nsmode")] string Mode);

internal sealed record PerNetworkBody([property: JsonPropertyName("aliases")] IReadOnlyList<string>? Aliases);

internal sealed record PortBody(
    [property: JsonPropertyName("host_ip")] string HostAddress,
    [property: JsonPropertyName("host_port")] int HostPort,
    [property: JsonPropertyName("container_port")] int ContainerPort,
    [property: JsonPropertyName("protocol")] string Protocol);

internal sealed record LogBody(
    [property: JsonPropertyName("driver")] string Driver,
    [property: JsonPropertyName("size")] long Size);

internal sealed record HealthBody([property: JsonPropertyName("Test")] IReadOnlyList<string> Test);

internal sealed record ExecBody(
    [property: JsonPropertyName("Cmd")] IReadOnlyList<string> Command,
    [property: JsonPropertyName("AttachStdout")] bool Out,
    [property: JsonPropertyName("AttachStderr")] bool Error);

internal sealed record ExecStartBody([property: JsonPropertyName("Detach")] bool Detach, [property: JsonPropertyName("Tty")] bool Tty);

internal sealed record NetworkBody(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("driver")] string Driver,
    [property: JsonPropertyName("dns_enabled")] bool NamesResolve,
    [property: JsonPropertyName("internal")] bool IsInternal,
    [property: JsonPropertyName("labels")] IReadOnlyDictionary<string, string> Labels);

internal sealed record AuthBody(
    [property: JsonPropertyName("username")] string Username,
    [property: JsonPropertyName("password")] string Password);
